// @ts-self-types="./protobuf.d.ts"
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

// Common aliases
const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

// Exported root namespace
const $root = $protobuf.roots["default"] || ($protobuf.roots["default"] = {});

export const casino = $root.casino = (() => {

    /**
     * Namespace casino.
     * @exports casino
     * @namespace
     */
    const casino = {};

    casino.events = (function() {

        /**
         * Namespace events.
         * @memberof casino
         * @namespace
         */
        const events = {};

        events.v1 = (function() {

            /**
             * Namespace v1.
             * @memberof casino.events
             * @namespace
             */
            const v1 = {};

            /**
             * EventType enum.
             * @name casino.events.v1.EventType
             * @enum {number}
             * @property {number} EVENT_TYPE_UNSPECIFIED=0 EVENT_TYPE_UNSPECIFIED value
             * @property {number} EVENT_TYPE_GAME_START=1 EVENT_TYPE_GAME_START value
             * @property {number} EVENT_TYPE_BET=2 EVENT_TYPE_BET value
             * @property {number} EVENT_TYPE_DEPOSIT=3 EVENT_TYPE_DEPOSIT value
             * @property {number} EVENT_TYPE_GAME_STOP=4 EVENT_TYPE_GAME_STOP value
             */
            v1.EventType = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "EVENT_TYPE_UNSPECIFIED"] = 0;
                values[valuesById[1] = "EVENT_TYPE_GAME_START"] = 1;
                values[valuesById[2] = "EVENT_TYPE_BET"] = 2;
                values[valuesById[3] = "EVENT_TYPE_DEPOSIT"] = 3;
                values[valuesById[4] = "EVENT_TYPE_GAME_STOP"] = 4;
                return values;
            })();

            v1.Event = (function() {

                /**
                 * Properties of an Event.
                 * @typedef {Object} casino.events.v1.Event.$Properties
                 * @property {Long|null} [id] Event id
                 * @property {Long|null} [playerId] Event playerId
                 * @property {Long|null} [gameId] Event gameId
                 * @property {casino.events.v1.EventType|null} [type] Event type
                 * @property {Long|null} [amount] Event amount
                 * @property {string|null} [currency] Event currency
                 * @property {boolean|null} [hasWon] Event hasWon
                 * @property {google.protobuf.Timestamp.$Properties|null} [createdAt] Event createdAt
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */

                /**
                 * Properties of an Event.
                 * @memberof casino.events.v1
                 * @interface IEvent
                 * @augments casino.events.v1.Event.$Properties
                 * @deprecated Use casino.events.v1.Event.$Properties instead.
                 */

                /**
                 * Shape of an Event.
                 * @typedef {casino.events.v1.Event.$Properties} casino.events.v1.Event.$Shape
                 */

                /**
                 * Constructs a new Event.
                 * @memberof casino.events.v1
                 * @classdesc Represents an Event.
                 * @constructor
                 * @param {casino.events.v1.Event.$Properties=} [properties] Properties to set
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */
                const Event = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                /**
                 * Event id.
                 * @member {Long} id
                 * @memberof casino.events.v1.Event
                 * @instance
                 */
                Event.prototype.id = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

                /**
                 * Event playerId.
                 * @member {Long} playerId
                 * @memberof casino.events.v1.Event
                 * @instance
                 */
                Event.prototype.playerId = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

                /**
                 * Event gameId.
                 * @member {Long} gameId
                 * @memberof casino.events.v1.Event
                 * @instance
                 */
                Event.prototype.gameId = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

                /**
                 * Event type.
                 * @member {casino.events.v1.EventType} type
                 * @memberof casino.events.v1.Event
                 * @instance
                 */
                Event.prototype.type = 0;

                /**
                 * Event amount.
                 * @member {Long} amount
                 * @memberof casino.events.v1.Event
                 * @instance
                 */
                Event.prototype.amount = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

                /**
                 * Event currency.
                 * @member {string} currency
                 * @memberof casino.events.v1.Event
                 * @instance
                 */
                Event.prototype.currency = "";

                /**
                 * Event hasWon.
                 * @member {boolean} hasWon
                 * @memberof casino.events.v1.Event
                 * @instance
                 */
                Event.prototype.hasWon = false;

                /**
                 * Event createdAt.
                 * @member {google.protobuf.Timestamp.$Properties|null|undefined} createdAt
                 * @memberof casino.events.v1.Event
                 * @instance
                 */
                Event.prototype.createdAt = null;

                /**
                 * Encodes the specified Event message. Does not implicitly {@link casino.events.v1.Event.verify|verify} messages.
                 * @function encode
                 * @memberof casino.events.v1.Event
                 * @static
                 * @param {casino.events.v1.Event.$Properties} message Event message or plain object to encode
                 * @param {$protobuf.Writer} [writer] Writer to encode to
                 * @returns {$protobuf.Writer} Writer
                 */
                Event.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.id != null && $Object.hasOwnProperty.call(message, "id") && (typeof message.id === "object" ? message.id.low || message.id.high : message.id !== 0))
                        writer.uint32(/* id 1, wireType 0 =*/8).int64(message.id);
                    if (message.playerId != null && $Object.hasOwnProperty.call(message, "playerId") && (typeof message.playerId === "object" ? message.playerId.low || message.playerId.high : message.playerId !== 0))
                        writer.uint32(/* id 2, wireType 0 =*/16).int64(message.playerId);
                    if (message.gameId != null && $Object.hasOwnProperty.call(message, "gameId") && (typeof message.gameId === "object" ? message.gameId.low || message.gameId.high : message.gameId !== 0))
                        writer.uint32(/* id 3, wireType 0 =*/24).int64(message.gameId);
                    if (message.type != null && $Object.hasOwnProperty.call(message, "type") && message.type !== 0)
                        writer.uint32(/* id 4, wireType 0 =*/32).int32(message.type);
                    if (message.amount != null && $Object.hasOwnProperty.call(message, "amount") && (typeof message.amount === "object" ? message.amount.low || message.amount.high : message.amount !== 0))
                        writer.uint32(/* id 5, wireType 0 =*/40).int64(message.amount);
                    if (message.currency != null && $Object.hasOwnProperty.call(message, "currency") && message.currency !== "")
                        writer.uint32(/* id 6, wireType 2 =*/50).string(message.currency);
                    if (message.hasWon != null && $Object.hasOwnProperty.call(message, "hasWon") && message.hasWon !== false)
                        writer.uint32(/* id 7, wireType 0 =*/56).bool(message.hasWon);
                    if (message.createdAt != null && $Object.hasOwnProperty.call(message, "createdAt"))
                        $root.google.protobuf.Timestamp.encode(message.createdAt, writer.uint32(/* id 8, wireType 2 =*/66).fork(), _depth + 1).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                /**
                 * Decodes an Event message from the specified reader or buffer.
                 * @function decode
                 * @memberof casino.events.v1.Event
                 * @static
                 * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
                 * @param {number} [length] Message length if known beforehand
                 * @returns {casino.events.v1.Event & casino.events.v1.Event.$Shape} Event
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                Event.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.casino.events.v1.Event();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                    message.id = value;
                                else
                                    delete message.id;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                    message.playerId = value;
                                else
                                    delete message.playerId;
                                continue;
                            }
                        case 3: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                    message.gameId = value;
                                else
                                    delete message.gameId;
                                continue;
                            }
                        case 4: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.int32())
                                    message.type = value;
                                else
                                    delete message.type;
                                continue;
                            }
                        case 5: {
                                if (wireType !== 0)
                                    break;
                                if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                    message.amount = value;
                                else
                                    delete message.amount;
                                continue;
                            }
                        case 6: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.currency = value;
                                else
                                    delete message.currency;
                                continue;
                            }
                        case 7: {
                                if (wireType !== 0)
                                    break;
                                if (value = reader.bool())
                                    message.hasWon = value;
                                else
                                    delete message.hasWon;
                                continue;
                            }
                        case 8: {
                                if (wireType !== 2)
                                    break;
                                message.createdAt = $root.google.protobuf.Timestamp.decode(reader, reader.size(), $undefined, _depth + 1, message.createdAt);
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                return Event;
            })();

            return v1;
        })();

        return events;
    })();

    casino.rates = (function() {

        /**
         * Namespace rates.
         * @memberof casino
         * @namespace
         */
        const rates = {};

        rates.v1 = (function() {

            /**
             * Namespace v1.
             * @memberof casino.rates
             * @namespace
             */
            const v1 = {};

            v1.GetRatesRequest = (function() {

                /**
                 * Properties of a GetRatesRequest.
                 * @typedef {Object} casino.rates.v1.GetRatesRequest.$Properties
                 * @property {string|null} [base] GetRatesRequest base
                 * @property {Array.<string>|null} [symbols] GetRatesRequest symbols
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */

                /**
                 * Properties of a GetRatesRequest.
                 * @memberof casino.rates.v1
                 * @interface IGetRatesRequest
                 * @augments casino.rates.v1.GetRatesRequest.$Properties
                 * @deprecated Use casino.rates.v1.GetRatesRequest.$Properties instead.
                 */

                /**
                 * Shape of a GetRatesRequest.
                 * @typedef {casino.rates.v1.GetRatesRequest.$Properties} casino.rates.v1.GetRatesRequest.$Shape
                 */

                /**
                 * Constructs a new GetRatesRequest.
                 * @memberof casino.rates.v1
                 * @classdesc Represents a GetRatesRequest.
                 * @constructor
                 * @param {casino.rates.v1.GetRatesRequest.$Properties=} [properties] Properties to set
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */
                const GetRatesRequest = function (properties) {
                    this.symbols = [];
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                /**
                 * GetRatesRequest base.
                 * @member {string} base
                 * @memberof casino.rates.v1.GetRatesRequest
                 * @instance
                 */
                GetRatesRequest.prototype.base = "";

                /**
                 * GetRatesRequest symbols.
                 * @member {Array.<string>} symbols
                 * @memberof casino.rates.v1.GetRatesRequest
                 * @instance
                 */
                GetRatesRequest.prototype.symbols = $util.emptyArray;

                /**
                 * Encodes the specified GetRatesRequest message. Does not implicitly {@link casino.rates.v1.GetRatesRequest.verify|verify} messages.
                 * @function encode
                 * @memberof casino.rates.v1.GetRatesRequest
                 * @static
                 * @param {casino.rates.v1.GetRatesRequest.$Properties} message GetRatesRequest message or plain object to encode
                 * @param {$protobuf.Writer} [writer] Writer to encode to
                 * @returns {$protobuf.Writer} Writer
                 */
                GetRatesRequest.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.base != null && $Object.hasOwnProperty.call(message, "base") && message.base !== "")
                        writer.uint32(/* id 1, wireType 2 =*/10).string(message.base);
                    if (message.symbols != null && message.symbols.length)
                        for (let i = 0; i < message.symbols.length; ++i)
                            writer.uint32(/* id 2, wireType 2 =*/18).string(message.symbols[i]);
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                /**
                 * Decodes a GetRatesRequest message from the specified reader or buffer.
                 * @function decode
                 * @memberof casino.rates.v1.GetRatesRequest
                 * @static
                 * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
                 * @param {number} [length] Message length if known beforehand
                 * @returns {casino.rates.v1.GetRatesRequest & casino.rates.v1.GetRatesRequest.$Shape} GetRatesRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                GetRatesRequest.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.casino.rates.v1.GetRatesRequest();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.base = value;
                                else
                                    delete message.base;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                if (!(message.symbols && message.symbols.length))
                                    message.symbols = [];
                                message.symbols.push(reader.stringVerify());
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                return GetRatesRequest;
            })();

            v1.GetRatesResponse = (function() {

                /**
                 * Properties of a GetRatesResponse.
                 * @typedef {Object} casino.rates.v1.GetRatesResponse.$Properties
                 * @property {string|null} [base] GetRatesResponse base
                 * @property {google.protobuf.Timestamp.$Properties|null} [asOf] GetRatesResponse asOf
                 * @property {Object.<string,string>|null} [rates] GetRatesResponse rates
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */

                /**
                 * Properties of a GetRatesResponse.
                 * @memberof casino.rates.v1
                 * @interface IGetRatesResponse
                 * @augments casino.rates.v1.GetRatesResponse.$Properties
                 * @deprecated Use casino.rates.v1.GetRatesResponse.$Properties instead.
                 */

                /**
                 * Shape of a GetRatesResponse.
                 * @typedef {casino.rates.v1.GetRatesResponse.$Properties} casino.rates.v1.GetRatesResponse.$Shape
                 */

                /**
                 * Constructs a new GetRatesResponse.
                 * @memberof casino.rates.v1
                 * @classdesc Represents a GetRatesResponse.
                 * @constructor
                 * @param {casino.rates.v1.GetRatesResponse.$Properties=} [properties] Properties to set
                 * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
                 */
                const GetRatesResponse = function (properties) {
                    this.rates = {};
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                /**
                 * GetRatesResponse base.
                 * @member {string} base
                 * @memberof casino.rates.v1.GetRatesResponse
                 * @instance
                 */
                GetRatesResponse.prototype.base = "";

                /**
                 * GetRatesResponse asOf.
                 * @member {google.protobuf.Timestamp.$Properties|null|undefined} asOf
                 * @memberof casino.rates.v1.GetRatesResponse
                 * @instance
                 */
                GetRatesResponse.prototype.asOf = null;

                /**
                 * GetRatesResponse rates.
                 * @member {Object.<string,string>} rates
                 * @memberof casino.rates.v1.GetRatesResponse
                 * @instance
                 */
                GetRatesResponse.prototype.rates = $util.emptyObject;

                /**
                 * Encodes the specified GetRatesResponse message. Does not implicitly {@link casino.rates.v1.GetRatesResponse.verify|verify} messages.
                 * @function encode
                 * @memberof casino.rates.v1.GetRatesResponse
                 * @static
                 * @param {casino.rates.v1.GetRatesResponse.$Properties} message GetRatesResponse message or plain object to encode
                 * @param {$protobuf.Writer} [writer] Writer to encode to
                 * @returns {$protobuf.Writer} Writer
                 */
                GetRatesResponse.encode = function (message, writer, _depth) {
                    if (!writer)
                        writer = $Writer.create();
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $util.recursionLimit)
                        throw $Error("max depth exceeded");
                    if (message.base != null && $Object.hasOwnProperty.call(message, "base") && message.base !== "")
                        writer.uint32(/* id 1, wireType 2 =*/10).string(message.base);
                    if (message.asOf != null && $Object.hasOwnProperty.call(message, "asOf"))
                        $root.google.protobuf.Timestamp.encode(message.asOf, writer.uint32(/* id 2, wireType 2 =*/18).fork(), _depth + 1).ldelim();
                    if (message.rates != null && $Object.hasOwnProperty.call(message, "rates"))
                        for (let keys = $Object.keys(message.rates), i = 0; i < keys.length; ++i)
                            writer.uint32(/* id 3, wireType 2 =*/26).fork().uint32(/* id 1, wireType 2 =*/10).string(keys[i]).uint32(/* id 2, wireType 2 =*/18).string(message.rates[keys[i]]).ldelim();
                    if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                        for (let i = 0; i < message.$unknowns.length; ++i)
                            writer.raw(message.$unknowns[i]);
                    return writer;
                };

                /**
                 * Decodes a GetRatesResponse message from the specified reader or buffer.
                 * @function decode
                 * @memberof casino.rates.v1.GetRatesResponse
                 * @static
                 * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
                 * @param {number} [length] Message length if known beforehand
                 * @returns {casino.rates.v1.GetRatesResponse & casino.rates.v1.GetRatesResponse.$Shape} GetRatesResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                GetRatesResponse.decode = function (reader, length, _end, _depth, _target) {
                    if (!(reader instanceof $Reader))
                        reader = $Reader.create(reader);
                    if (_depth === $undefined)
                        _depth = 0;
                    if (_depth > $Reader.recursionLimit)
                        throw $Error("max depth exceeded");
                    let end, message, key, value;
                    if (length === $undefined)
                        end = reader.len;
                    else {
                        end = reader.pos + length;
                        if (end > reader.len)
                            throw $RangeError("index out of range");
                        length = reader.len;
                        reader.len = end;
                    }
                    message = _target || new $root.casino.rates.v1.GetRatesResponse();
                    while (reader.pos < end) {
                        let start = reader.pos;
                        let tag = reader.tag();
                        if (tag === _end) {
                            _end = $undefined;
                            break;
                        }
                        let wireType = tag & 7;
                        switch (tag >>>= 3) {
                        case 1: {
                                if (wireType !== 2)
                                    break;
                                if ((value = reader.stringVerify()).length)
                                    message.base = value;
                                else
                                    delete message.base;
                                continue;
                            }
                        case 2: {
                                if (wireType !== 2)
                                    break;
                                message.asOf = $root.google.protobuf.Timestamp.decode(reader, reader.size(), $undefined, _depth + 1, message.asOf);
                                continue;
                            }
                        case 3: {
                                if (wireType !== 2)
                                    break;
                                if (message.rates === $util.emptyObject)
                                    message.rates = {};
                                let end2 = reader.size() + reader.pos;
                                if (end2 > reader.len)
                                    throw $RangeError("index out of range");
                                reader.len = end2;
                                key = "";
                                value = "";
                                while (reader.pos < end2) {
                                    let tag2 = reader.tag();
                                    wireType = tag2 & 7;
                                    switch (tag2 >>>= 3) {
                                    case 1:
                                        if (wireType !== 2)
                                            break;
                                        key = reader.stringVerify();
                                        continue;
                                    case 2:
                                        if (wireType !== 2)
                                            break;
                                        value = reader.stringVerify();
                                        continue;
                                    }
                                    reader.skipType(wireType, _depth, tag2);
                                }
                                if (reader.pos !== end2)
                                    throw $RangeError("index out of range");
                                reader.len = end;
                                if (key === "__proto__")
                                    $util.makeProp(message.rates, key);
                                message.rates[key] = value;
                                continue;
                            }
                        }
                        reader.skipType(wireType, _depth, tag);
                        if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                    }
                    if (length !== $undefined) {
                        if (reader.pos !== end)
                            throw $RangeError("index out of range");
                        reader.len = length;
                    }
                    if (_end !== $undefined)
                        throw $Error("missing end group");
                    return message;
                };

                return GetRatesResponse;
            })();

            return v1;
        })();

        return rates;
    })();

    return casino;
})();

export const google = $root.google = (() => {

    /**
     * Namespace google.
     * @exports google
     * @namespace
     */
    const google = {};

    google.protobuf = (function() {

        /**
         * Namespace protobuf.
         * @memberof google
         * @namespace
         */
        const protobuf = {};

        protobuf.Timestamp = (function() {

            /**
             * Properties of a Timestamp.
             * @typedef {Object} google.protobuf.Timestamp.$Properties
             * @property {Long|null} [seconds] Timestamp seconds
             * @property {number|null} [nanos] Timestamp nanos
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Timestamp.
             * @memberof google.protobuf
             * @interface ITimestamp
             * @augments google.protobuf.Timestamp.$Properties
             * @deprecated Use google.protobuf.Timestamp.$Properties instead.
             */

            /**
             * Shape of a Timestamp.
             * @typedef {google.protobuf.Timestamp.$Properties} google.protobuf.Timestamp.$Shape
             */

            /**
             * Constructs a new Timestamp.
             * @memberof google.protobuf
             * @classdesc Represents a Timestamp.
             * @constructor
             * @param {google.protobuf.Timestamp.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Timestamp = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Timestamp seconds.
             * @member {Long} seconds
             * @memberof google.protobuf.Timestamp
             * @instance
             */
            Timestamp.prototype.seconds = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            /**
             * Timestamp nanos.
             * @member {number} nanos
             * @memberof google.protobuf.Timestamp
             * @instance
             */
            Timestamp.prototype.nanos = 0;

            /**
             * Encodes the specified Timestamp message. Does not implicitly {@link google.protobuf.Timestamp.verify|verify} messages.
             * @function encode
             * @memberof google.protobuf.Timestamp
             * @static
             * @param {google.protobuf.Timestamp.$Properties} message Timestamp message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Timestamp.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.seconds != null && $Object.hasOwnProperty.call(message, "seconds") && (typeof message.seconds === "object" ? message.seconds.low || message.seconds.high : message.seconds !== 0))
                    writer.uint32(/* id 1, wireType 0 =*/8).int64(message.seconds);
                if (message.nanos != null && $Object.hasOwnProperty.call(message, "nanos") && message.nanos !== 0)
                    writer.uint32(/* id 2, wireType 0 =*/16).int32(message.nanos);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Timestamp message from the specified reader or buffer.
             * @function decode
             * @memberof google.protobuf.Timestamp
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {google.protobuf.Timestamp & google.protobuf.Timestamp.$Shape} Timestamp
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Timestamp.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.google.protobuf.Timestamp();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.seconds = value;
                            else
                                delete message.seconds;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.nanos = value;
                            else
                                delete message.nanos;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Timestamp;
        })();

        return protobuf;
    })();

    return google;
})();

export {
  $root as default
};
