import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    await this.client.queryArray(`
      create table dead_letter_takes (
        cause_group text primary key,
        last bigint not null,
        taken_at timestamptz not null default now(),
        taken_by text not null,
        note text not null
      );
      comment on table dead_letter_takes is 'Groups of dead letters that somebody looks after';
      comment on column dead_letter_takes.last is 'Letters that came later are not taken: the group has grown';
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray("drop table dead_letter_takes");
  }
}
