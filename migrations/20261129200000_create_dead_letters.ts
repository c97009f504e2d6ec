import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    // Fixed-width columns come first, which saves padding in every row.
    await this.client.queryArray(`
      create table dead_letters (
        id bigint generated always as identity primary key,
        letter_key uuid not null unique,
        message_id uuid not null,
        attempts bigint not null,
        replays bigint not null,
        event_id bigint,
        player_id bigint,
        first_failed_at timestamptz,
        last_failed_at timestamptz,
        kept_at timestamptz not null default now(),
        acted_at timestamptz,
        by_broker boolean not null,
        status text not null default 'dead' check (status in ('dead', 'replayed', 'dropped')),
        cause_group text not null,
        reason text not null,
        cause text not null,
        detail text not null,
        type text,
        sent_id text,
        subscriber_id text,
        acted_by text,
        exchange text not null,
        routing_key text not null,
        properties bytea not null,
        body bytea not null
      );
      create index dead_letters_waiting on dead_letters (id) where status = 'dead';
      create index dead_letters_groups on dead_letters (cause_group, id) include (last_failed_at) where status = 'dead';
      create index dead_letters_reasons on dead_letters (reason, id) where status = 'dead';
      create index dead_letters_times on dead_letters (last_failed_at) where status = 'dead';
      create index dead_letters_messages on dead_letters (message_id);
      create index dead_letters_sent_ids on dead_letters (sent_id) where sent_id is not null;
      create index dead_letters_events on dead_letters (event_id) where event_id is not null;
      create index dead_letters_players on dead_letters (player_id, id) where player_id is not null;
      comment on table dead_letters is 'What could not be processed, in the order of the dead letter queue. A subscriber''s keeper moves it here.';
      comment on column dead_letters.letter_key is 'The same for the same letter each time that the queue delivers it';
      comment on column dead_letters.cause_group is 'Letters whose reason and detail differ in values alone have the same';
      comment on column dead_letters.cause is 'The detail without its values';
      comment on column dead_letters.by_broker is 'RabbitMQ itself dead-lettered it';
      comment on column dead_letters.properties is 'AMQP properties and headers as they were on the wire: flags, then values';
      comment on column dead_letters.acted_by is 'Who replayed or dropped it';
    `);
  }

  async down(_info: Info): Promise<void> {
    // The table holds the only copy of these letters.
    await this.client.queryArray(`
      do $$ begin
        if exists (select from dead_letters where status = 'dead') then
          raise exception 'dead_letters has letters that are neither replayed nor dropped: deno task dead groups tells of them';
        end if;
      end $$;
      drop table dead_letters;
    `);
  }
}
