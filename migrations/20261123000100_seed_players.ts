import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      insert into players (id, email, last_signed_in_at) values
        (10, 'john@example.com', '2022-01-10T12:30:00Z'),
        (11, 'jane@example.com', '2022-02-02T23:40:00Z'),
        (12, 'bob@example.com', '2022-02-03T12:10:00Z'),
        (13, 'rick@example.com', '2022-02-04T08:00:00Z'),
        (14, 'morty@example.com', null)
      on conflict (id) do nothing
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray("delete from players where id between 10 and 14");
  }
}
