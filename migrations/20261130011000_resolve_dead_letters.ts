import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      alter table dead_letters
        drop constraint dead_letters_status_check,
        add constraint dead_letters_status_check check (status in ('dead', 'replayed', 'dropped', 'resolved')),
        add column previous bigint,
        add column stored_at timestamptz,
        add column stored_by text;
      create index dead_letters_done on dead_letters (status, id) where status <> 'dead';
      create index dead_letters_lineage on dead_letters (previous) where previous is not null;
      comment on column dead_letters.previous is 'The letter whose replay died as this one';
      comment on column dead_letters.stored_at is 'When its event was stored after all';
      comment on column dead_letters.stored_by is 'The subscriber that stored it';
      create table dead_letter_leases (
        name text primary key,
        owner text not null,
        until timestamptz not null
      );
      comment on table dead_letter_leases is 'Which subscriber does what one of them does for all, and until when';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray(`
      update dead_letters set status = 'replayed', acted_at = coalesce(acted_at, stored_at),
        acted_by = coalesce(acted_by, stored_by) where status = 'resolved';
      drop table dead_letter_leases;
      drop index dead_letters_done;
      drop index dead_letters_lineage;
      alter table dead_letters
        drop constraint dead_letters_status_check,
        add constraint dead_letters_status_check check (status in ('dead', 'replayed', 'dropped')),
        drop column previous,
        drop column stored_at,
        drop column stored_by;
    `);
  }
}
