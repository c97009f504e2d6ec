import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      alter table dead_letters
        add column claim uuid,
        add column claimed_until timestamptz,
        add column edits integer not null default 0;
      comment on column dead_letters.claim is 'A replay that publishes it, or may have done so. Then no edit changes it';
      comment on column dead_letters.edits is 'How many there are; the last one is what a replay publishes';
      create table dead_letter_edits (
        letter bigint not null references dead_letters on delete cascade,
        event_id bigint not null,
        player_id bigint not null,
        edited_at timestamptz not null default now(),
        number integer not null,
        edited_by text not null,
        body bytea not null,
        primary key (letter, number)
      );
      comment on table dead_letter_edits is 'What operators have made of events, in the order in which they did';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray(`
      do $$ begin
        if exists (select from dead_letters where status = 'dead' and edits > 0) then
          raise exception 'dead_letters has edited letters that are not replayed yet: without their edits the originals would be';
        end if;
      end $$;
      drop table dead_letter_edits;
      alter table dead_letters drop column claim, drop column claimed_until, drop column edits;
    `);
  }
}
