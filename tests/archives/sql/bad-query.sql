-- query: SELECT body FROM nowhere
CREATE TABLE comments (id INTEGER PRIMARY KEY, body TEXT);
