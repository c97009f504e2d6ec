-- Run once, by the image, when the database is made. `deno task migrate` grants the others what they need.
create role casino_migrator login password 'development';
create role casino_subscriber login password 'development';
create role casino_dead_letters login password 'development';
create role casino_reader login password 'development';
create database casino owner casino_migrator;
revoke all on database casino from public;
grant connect on database casino to casino_subscriber, casino_dead_letters, casino_reader;
