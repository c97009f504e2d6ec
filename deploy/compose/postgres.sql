\set ON_ERROR_STOP on

-- Keep the passwords out of the server's log.
set log_statement = 'none';
set log_min_duration_statement = -1;
set log_min_error_statement = 'panic';

-- For deno task migrate, which owns the tables.
\unset password
\getenv password CASINO_MIGRATOR_PASSWORD
select 'create role casino_migrator login' where not exists (select from pg_roles where rolname = 'casino_migrator') \gexec
alter role casino_migrator password :'password' connection limit 5;

-- For deno task subscriber, which stores events and dead letters.
\unset password
\getenv password CASINO_SUBSCRIBER_PASSWORD
select 'create role casino_subscriber login' where not exists (select from pg_roles where rolname = 'casino_subscriber') \gexec
alter role casino_subscriber password :'password' connection limit 77;

-- For deno task dead and find, which read events and dead letters and record replays.
\unset password
\getenv password CASINO_DEAD_LETTERS_PASSWORD
select 'create role casino_dead_letters login' where not exists (select from pg_roles where rolname = 'casino_dead_letters') \gexec
alter role casino_dead_letters password :'password' connection limit 3;

-- For deno task status, and for people who query the figures.
\unset password
\getenv password CASINO_READER_PASSWORD
select 'create role casino_reader login' where not exists (select from pg_roles where rolname = 'casino_reader') \gexec
alter role casino_reader password :'password' connection limit 7;

revoke all on database "casino" from public;
grant connect on database "casino" to casino_migrator, casino_subscriber, casino_dead_letters, casino_reader;
create schema if not exists "public";
revoke all on schema "public" from public;
grant usage on schema "public" to casino_migrator, casino_subscriber, casino_dead_letters, casino_reader;
grant create on schema "public" to casino_migrator;
revoke execute on function lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) from public;
