import { AbstractMigration, type Info } from "nessie";

export default class extends AbstractMigration {
  async up(_info: Info): Promise<void> {
    // Arrays compare element by element: max() picks the greatest total. ~ reverses ids, so the lowest id wins a tie.
    await this.client.queryArray(`
      create table player_leaders (
        subscriber_id text primary key,
        bets bigint[],
        wins bigint[],
        deposits_eur numeric[]
      ) with (fillfactor = 50);
      comment on table player_leaders is
        'Who led player_totals when a subscriber last changed it, as {total, ~player_id}. Totals only grow, so the greatest over all rows leads now.';
      insert into player_leaders
        select '', max(array[bets, ~player_id]), max(array[wins, ~player_id]), max(array[deposits_eur, (~player_id)::numeric])
        from player_totals having count(*) > 0;
    `);
  }

  async down(_info: Info): Promise<void> {
    await this.client.queryArray("drop table player_leaders");
  }
}
