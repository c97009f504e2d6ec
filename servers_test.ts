/**
 * All tests that need the servers, as one module: when a server is away they fail together, at once, with one sentence. They sit
 * beside the files they test; one that is missing here is found by e2e/documentation_scenario.ts.
 */
import "./shared/testing/servers.ts";
import "./shared/amqp/publisher_on_servers.ts";
import "./shared/amqp/exact_headers_on_servers.ts";
import "./shared/amqp/lost_connection_on_servers.ts";
import "./shared/amqp/consumer_on_servers.ts";
import "./shared/amqp/queue_conformance_on_servers.ts";
import "./shared/copy_rows_on_servers.ts";
import "./shared/database_on_servers.ts";
import "./shared/dead/amqp_desk_on_servers.ts";
import "./shared/dead/dead_letter_queue_on_servers.ts";
import "./subscriber/http/materialized_on_servers.ts";
import "./subscriber/rates/shared_rates_on_servers.ts";
import "./subscriber/store_on_servers.ts";
import "./tools/migrate/transaction_on_servers.ts";
