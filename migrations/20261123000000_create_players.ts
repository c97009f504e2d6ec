import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      create table players (
        id bigint primary key,
        last_signed_in_at timestamptz,
        email text not null
      );
      comment on table players is 'Who plays. Owned by the casino; subscribers only read it.';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray("drop table players");
  }
}
