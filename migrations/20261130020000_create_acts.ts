import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    // Policies bind every role but the owner: no role may change an act that has ended, or delete an act.
    await this.client.queryArray(`
      create table acts (
        id bigint generated always as identity primary key,
        begun_at timestamptz not null default now(),
        ended_at timestamptz,
        who text not null,
        act text not null,
        filter jsonb not null,
        peer text not null,
        via text not null,
        state text not null default 'begun' check (state in ('begun', 'done', 'failed')),
        affected bigint,
        result text
      );
      comment on table acts is 'The audit: who did what, on what, from where, and what became of it. Written before the act, and completed after it.';
      alter table acts enable row level security;
      create policy acts_read on acts for select using (true);
      create policy acts_begin on acts for insert with check (state = 'begun');
      create policy acts_end on acts for update using (state = 'begun') with check (state <> 'begun');
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray("drop table acts");
  }
}
