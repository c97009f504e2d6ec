import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    // Fixed-width columns come first, which saves padding in every row.
    await this.client.queryArray(`
      create table events (
        message_id uuid primary key,
        event_id bigint not null,
        player_id bigint not null,
        game_id bigint,
        amount bigint,
        amount_eur bigint,
        created_at timestamptz not null,
        rates_as_of timestamptz,
        player_last_signed_in_at timestamptz,
        stored_at timestamptz not null default now(),
        has_won boolean,
        type text not null check (type in ('game_start', 'bet', 'deposit', 'game_stop')),
        currency text,
        rate numeric,
        player_email text,
        description text not null,
        subscriber_id text not null
      );
      create index events_stored_at on events using brin (stored_at);
      comment on table events is 'Each event once, as it was enriched when it was stored.';
      comment on column events.message_id is 'AMQP message_id: the idempotency key';
      comment on column events.amount is 'In the minor unit of currency';
      comment on column events.amount_eur is 'In cents';
      comment on column events.rate is 'How much of currency 1 EUR bought; null for amounts in EUR';
      comment on column events.rates_as_of is 'When the rate was set';
      comment on column events.created_at is 'When it happened, cut to microseconds';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray("drop table events");
  }
}
