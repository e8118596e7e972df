-- query: SELECT id, body, film_id AS movie, said AS date FROM comments ORDER BY id
CREATE TABLE comments (id INTEGER PRIMARY KEY, body TEXT, film_id TEXT, said TEXT);
INSERT INTO comments VALUES (1, 'At 12:30 the lamp goes out.', 'lamp-street', '2021-03-04 12:30:00');
INSERT INTO comments VALUES (2, NULL, 'lamp-street', '2021-03-05 10:00:00');
INSERT INTO comments VALUES (3, 'Nobody lights it.', NULL, NULL);
