-- query: SELECT id, body AS text FROM comments ORDER BY id
CREATE TABLE comments (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO comments VALUES (1, CAST(X'636166E9' AS TEXT));
INSERT INTO comments VALUES (2, 'Fine.');
