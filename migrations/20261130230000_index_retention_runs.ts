import { AbstractMigration, type Info } from "nessie";

/** Each subscriber's metrics ask for the newest run of retention, among acts that nobody removes. */
export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(
      "create index if not exists acts_of_retention on acts (ended_at) where act = 'retention' and state = 'done'",
    );
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray("drop index acts_of_retention");
  }
}
