import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      create table jobs (
        id uuid primary key,
        created_at timestamptz not null default now(),
        finished_at timestamptz,
        lease_until timestamptz,
        last bigint not null,
        reached bigint not null default 0,
        total bigint not null,
        done bigint not null default 0,
        refused bigint not null default 0,
        failed bigint not null default 0,
        done_before bigint not null default 0,
        died_before bigint not null default 0,
        rate integer not null,
        act text not null check (act in ('replay', 'drop', 'undo', 'edit')),
        state text not null default 'running'
          check (state in ('running', 'paused', 'cancelled', 'done', 'stopped')),
        created_by text not null,
        owner text,
        problem text,
        filter jsonb not null,
        change jsonb
      );
      create index jobs_running on jobs (created_at) where state = 'running';
      comment on table jobs is 'Acts on many dead letters: subscribers carry them out, each one of them at a time';
      comment on column jobs.last is 'No letter that came later is part of it';
      comment on column jobs.reached is 'It has dealt with the letters up to this one';
      comment on column jobs.done_before is 'What was done when it was resumed last; and what had died again by then';
      alter table dead_letters add column job uuid;
      create index dead_letters_jobs on dead_letters (job, status) where job is not null;
      create index dead_letters_died on dead_letters (id) where previous is not null;
      comment on column dead_letters.job is 'The job that dealt with it last';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray(`
      drop index dead_letters_jobs;
      drop index dead_letters_died;
      alter table dead_letters drop column job;
      drop table jobs;
    `);
  }
}
