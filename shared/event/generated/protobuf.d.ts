import * as $protobuf from "protobufjs";
import Long = require("long");

/** Namespace casino. */
export namespace casino {

    /** Namespace events. */
    namespace events {

        /** Namespace v1. */
        namespace v1 {

            /** EventType enum. */
            enum EventType {

                /** EVENT_TYPE_UNSPECIFIED value */
                EVENT_TYPE_UNSPECIFIED = 0,

                /** EVENT_TYPE_GAME_START value */
                EVENT_TYPE_GAME_START = 1,

                /** EVENT_TYPE_BET value */
                EVENT_TYPE_BET = 2,

                /** EVENT_TYPE_DEPOSIT value */
                EVENT_TYPE_DEPOSIT = 3,

                /** EVENT_TYPE_GAME_STOP value */
                EVENT_TYPE_GAME_STOP = 4
            }

            /**
             * Properties of an Event.
             * @deprecated Use casino.events.v1.Event.$Properties instead.
             */
            interface IEvent extends casino.events.v1.Event.$Properties {
            }

            /** Represents an Event. */
            class Event {

                /**
                 * Constructs a new Event.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: casino.events.v1.Event.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Event id. */
                id: Long;

                /** Event playerId. */
                playerId: Long;

                /** Event gameId. */
                gameId: Long;

                /** Event type. */
                type: casino.events.v1.EventType;

                /** Event amount. */
                amount: Long;

                /** Event currency. */
                currency: string;

                /** Event hasWon. */
                hasWon: boolean;

                /** Event createdAt. */
                createdAt?: (google.protobuf.Timestamp.$Properties|null);

                /**
                 * Encodes the specified Event message. Does not implicitly {@link casino.events.v1.Event.verify|verify} messages.
                 * @param message Event message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: casino.events.v1.Event.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an Event message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {casino.events.v1.Event & casino.events.v1.Event.$Shape} Event
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): casino.events.v1.Event & casino.events.v1.Event.$Shape;
            }

            namespace Event {

                /** Properties of an Event. */
                interface $Properties {

                    /** Event id */
                    id?: (Long|null);

                    /** Event playerId */
                    playerId?: (Long|null);

                    /** Event gameId */
                    gameId?: (Long|null);

                    /** Event type */
                    type?: (casino.events.v1.EventType|null);

                    /** Event amount */
                    amount?: (Long|null);

                    /** Event currency */
                    currency?: (string|null);

                    /** Event hasWon */
                    hasWon?: (boolean|null);

                    /** Event createdAt */
                    createdAt?: (google.protobuf.Timestamp.$Properties|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an Event. */
                type $Shape = casino.events.v1.Event.$Properties;
            }
        }
    }

    /** Namespace rates. */
    namespace rates {

        /** Namespace v1. */
        namespace v1 {

            /**
             * Properties of a GetRatesRequest.
             * @deprecated Use casino.rates.v1.GetRatesRequest.$Properties instead.
             */
            interface IGetRatesRequest extends casino.rates.v1.GetRatesRequest.$Properties {
            }

            /** Represents a GetRatesRequest. */
            class GetRatesRequest {

                /**
                 * Constructs a new GetRatesRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: casino.rates.v1.GetRatesRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** GetRatesRequest base. */
                base: string;

                /** GetRatesRequest symbols. */
                symbols: string[];

                /**
                 * Encodes the specified GetRatesRequest message. Does not implicitly {@link casino.rates.v1.GetRatesRequest.verify|verify} messages.
                 * @param message GetRatesRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: casino.rates.v1.GetRatesRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a GetRatesRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {casino.rates.v1.GetRatesRequest & casino.rates.v1.GetRatesRequest.$Shape} GetRatesRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): casino.rates.v1.GetRatesRequest & casino.rates.v1.GetRatesRequest.$Shape;
            }

            namespace GetRatesRequest {

                /** Properties of a GetRatesRequest. */
                interface $Properties {

                    /** GetRatesRequest base */
                    base?: (string|null);

                    /** GetRatesRequest symbols */
                    symbols?: (string[]|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a GetRatesRequest. */
                type $Shape = casino.rates.v1.GetRatesRequest.$Properties;
            }

            /**
             * Properties of a GetRatesResponse.
             * @deprecated Use casino.rates.v1.GetRatesResponse.$Properties instead.
             */
            interface IGetRatesResponse extends casino.rates.v1.GetRatesResponse.$Properties {
            }

            /** Represents a GetRatesResponse. */
            class GetRatesResponse {

                /**
                 * Constructs a new GetRatesResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: casino.rates.v1.GetRatesResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** GetRatesResponse base. */
                base: string;

                /** GetRatesResponse asOf. */
                asOf?: (google.protobuf.Timestamp.$Properties|null);

                /** GetRatesResponse rates. */
                rates: { [k: string]: string };

                /**
                 * Encodes the specified GetRatesResponse message. Does not implicitly {@link casino.rates.v1.GetRatesResponse.verify|verify} messages.
                 * @param message GetRatesResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: casino.rates.v1.GetRatesResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a GetRatesResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {casino.rates.v1.GetRatesResponse & casino.rates.v1.GetRatesResponse.$Shape} GetRatesResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): casino.rates.v1.GetRatesResponse & casino.rates.v1.GetRatesResponse.$Shape;
            }

            namespace GetRatesResponse {

                /** Properties of a GetRatesResponse. */
                interface $Properties {

                    /** GetRatesResponse base */
                    base?: (string|null);

                    /** GetRatesResponse asOf */
                    asOf?: (google.protobuf.Timestamp.$Properties|null);

                    /** GetRatesResponse rates */
                    rates?: ({ [k: string]: string }|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a GetRatesResponse. */
                type $Shape = casino.rates.v1.GetRatesResponse.$Properties;
            }
        }
    }
}

/** Namespace google. */
export namespace google {

    /** Namespace protobuf. */
    namespace protobuf {

        /**
         * Properties of a Timestamp.
         * @deprecated Use google.protobuf.Timestamp.$Properties instead.
         */
        interface ITimestamp extends google.protobuf.Timestamp.$Properties {
        }

        /** Represents a Timestamp. */
        class Timestamp {

            /**
             * Constructs a new Timestamp.
             * @param [properties] Properties to set
             */
            constructor(properties?: google.protobuf.Timestamp.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Timestamp seconds. */
            seconds: Long;

            /** Timestamp nanos. */
            nanos: number;

            /**
             * Encodes the specified Timestamp message. Does not implicitly {@link google.protobuf.Timestamp.verify|verify} messages.
             * @param message Timestamp message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: google.protobuf.Timestamp.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Timestamp message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {google.protobuf.Timestamp & google.protobuf.Timestamp.$Shape} Timestamp
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): google.protobuf.Timestamp & google.protobuf.Timestamp.$Shape;
        }

        namespace Timestamp {

            /** Properties of a Timestamp. */
            interface $Properties {

                /** Timestamp seconds */
                seconds?: (Long|null);

                /** Timestamp nanos */
                nanos?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Timestamp. */
            type $Shape = google.protobuf.Timestamp.$Properties;
        }
    }
}
