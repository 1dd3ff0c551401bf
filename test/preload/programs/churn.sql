-- SPDX-License-Identifier: MIT
-- An in-memory database: inserts, indexes, joins, strings, deletes.
create table item(id integer primary key, name text, weight real, grp int);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
insert into item
select i, 'name-' || (i * 2654435761 % 60013), i % 977 * 0.5, i % 61 from n;
create index by_name on item(name);
create index by_group on item(grp, weight);
select count(*), sum(weight), min(name), max(name) from item;
select grp, count(*), round(avg(weight), 3) from item group by grp
order by grp limit 5;
select count(*) from item a join item b on a.name = b.name where a.id < 9000;
select length(group_concat(name)) from item where grp < 20;
update item set name = name || '-' || replace(name, '-', '+') where grp = 3;
delete from item where id % 3 = 0;
vacuum;
select count(*), sum(length(name)) from item;
pragma integrity_check;
