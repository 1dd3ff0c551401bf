-- SPDX-License-Identifier: MIT
--
-- Inserts, an index, joins, updates and a sort in a database in memory.
PRAGMA temp_store = memory;
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, town TEXT, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO people SELECT i, 'name-' || (i * 7919 % 60013), 'town-' || (i % 997),
	substr('a note that is as long as its number wants it to be, and no longer', 1, i % 60)
	FROM n;
CREATE INDEX by_town ON people (town);
CREATE INDEX by_name ON people (name);
SELECT count(*), sum(length(note)) FROM people WHERE town LIKE 'town-1%';
SELECT a.town, count(*) FROM people a JOIN people b ON b.name = 'name-' || a.id
	GROUP BY a.town ORDER BY 2 DESC, 1 LIMIT 5;
UPDATE people SET note = note || name WHERE id % 3 = 0;
DELETE FROM people WHERE id % 5 = 0;
SELECT group_concat(name) FROM (SELECT name FROM people ORDER BY note, name LIMIT 20);
