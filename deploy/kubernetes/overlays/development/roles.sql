-- The image runs this once, when it creates the database. `deno task migrate` grants the other roles what they need.
create role casino_migrator login password 'development' connection limit 5;
create role casino_subscriber login password 'development' connection limit 77;
create role casino_dead_letters login password 'development' connection limit 3;
create role casino_reader login password 'development' connection limit 7;
create database casino owner casino_migrator;
revoke all on database casino from public;
grant connect on database casino to casino_subscriber, casino_dead_letters, casino_reader;
\connect casino
revoke execute on function lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) from public;
