import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    // Nullable and without a default: Postgres rewrites no row, and the last release can insert without the column.
    await this.client.queryArray(`
      alter table events add column sent_id text;
      comment on column events.sent_id is 'AMQP message_id as its publisher sent it, where that is another text than message_id';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray("alter table events drop column sent_id");
  }
}
