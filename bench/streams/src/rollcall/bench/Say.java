package rollcall.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.core.util.ByteArrayBuilder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.function.IntFunction;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** Says the outputs, with Jackson's streaming generator: the contract's envelopes, and its headers. */
final class Say {
    private static final JsonFactory JSON = new JsonFactory();
    private static final byte[] NAMESPACE = namespace();
    private static final SerializedString ESSAY_ID = new SerializedString("essay_id");
    private static final SerializedString TEXT_ID = new SerializedString("text_storage_id");

    private final ProcessorContext<byte[], byte[]> context;
    private final ByteArrayBuilder buffer = new ByteArrayBuilder(8192);
    private final MessageDigest sha1;

    Say(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        try {
            sha1 = MessageDigest.getInstance("SHA-1");
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }

    /** The content at {@code from} in {@code event} has the slot of this essay. */
    void slotAssigned(byte[] batch, byte[] essay, byte[] event, int from, long timestamp) {
        byte[][] field = new byte[6][];
        int at = from + 4;
        for (int index = 0; index < 6; index++, at = Pack.skip(event, at)) {
            field[index] = Pack.textAt(event, at);
        }
        String correlation = text(field[Event.CONTENT_CORRELATION]);
        say(Main.SLOT_ASSIGNED, essay, List.of(batch, essay), correlation, field[Event.CONTENT_TRACE], timestamp, json -> {
            json.writeStringField("event", "essay.slot.assigned");
            utf8(json, "batch_id", batch);
            utf8(json, "essay_id", essay);
            utf8(json, "file_upload_id", field[Event.UPLOAD_ID]);
            utf8(json, "text_storage_id", field[Event.TEXT_ID]);
            utf8(json, "original_file_name", field[Event.FILE_NAME]);
            json.writeStringField("correlation_id", correlation);
            utf8(json, "timestamp", field[Event.CONTENT_TIME]);
        });
    }

    /** The content at {@code from} in {@code event} found no slot. */
    void excess(byte[] batch, byte[] event, int from, long timestamp) {
        byte[] id = Pack.textAt(event, Event.place(event, from, Event.TEXT_ID));
        byte[] correlation = Pack.textAt(event, Event.place(event, from, Event.CONTENT_CORRELATION));
        byte[] trace = Pack.textAt(event, Event.place(event, from, Event.CONTENT_TRACE));
        say(Main.EXCESS, batch, List.of(batch, id), text(correlation), trace, timestamp, json -> {
            json.writeStringField("event", "excess.content.provisioned");
            utf8(json, "batch_id", batch);
            utf8(json, "original_file_name", Pack.textAt(event, Event.place(event, from, Event.FILE_NAME)));
            utf8(json, "text_storage_id", id);
            json.writeStringField("reason", "NO_AVAILABLE_SLOT");
            utf8(json, "correlation_id", correlation);
            utf8(json, "timestamp", Pack.textAt(event, Event.place(event, from, Event.CONTENT_TIME)));
        });
    }

    /** Every slot of the batch is filled; {@code textOf} knows the text of each. */
    void ready(byte[] batch, byte[] registration, IntFunction<byte[]> textOf, long timestamp) {
        int slots = Event.slots(registration);
        byte[] prompt = Event.text(registration, Event.PROMPT);
        byte[] instructions = Event.text(registration, Event.INSTRUCTIONS);
        String course = text(Event.text(registration, Event.COURSE));
        String correlation = text(Event.text(registration, Event.CORRELATION));
        byte[] trace = Event.text(registration, Event.TRACE);
        say(Main.READY, batch, List.of(batch), correlation, trace, timestamp, json -> {
            json.writeStringField("event", "batch.essays.ready");
            utf8(json, "batch_id", batch);
            json.writeArrayFieldStart("ready_essays");
            int essay = Event.firstEssay(registration);
            for (int slot = 0; slot < slots; slot++, essay = Pack.skip(registration, essay)) {
                byte[] id = textOf.apply(slot);
                json.writeStartObject();
                json.writeFieldName(ESSAY_ID);
                json.writeUTF8String(registration, essay + 4, Pack.getInt(registration, essay));
                json.writeFieldName(TEXT_ID);
                json.writeUTF8String(id, 0, id.length);
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeObjectFieldStart("metadata");
            utf8(json, "entity_id", batch);
            json.writeStringField("entity_type", "batch");
            utf8(json, "timestamp", Event.text(registration, Event.TIME));
            json.writeStringField("event", "batch.essays.ready");
            json.writeObjectFieldStart("error_info");
            json.writeEndObject();
            json.writeEndObject();
            json.writeStringField("course_code", course);
            json.writeStringField("course_language", course.startsWith("EN") ? "en" : "sv");
            json.writeFieldName("student_prompt_ref");
            json.writeRawValue(prompt.length == 0 ? "null" : text(prompt));
            if (instructions.length > 0) {
                utf8(json, "essay_instructions", instructions);
            } else {
                json.writeNullField("essay_instructions");
            }
            json.writeStringField("class_type", Event.text(registration, Event.CLASS).length == 0 ? "GUEST" : "REGULAR");
            json.writeNumberField("expected_count", slots);
            json.writeNumberField("failed_count", 0);
        });
    }

    private interface Data {
        void write(JsonGenerator json) throws IOException;
    }

    private void say(String topic, byte[] key, List<byte[]> name, String correlation, byte[] trace, long timestamp, Data data) {
        String id = eventId(topic, name);
        buffer.reset();
        try (JsonGenerator json = JSON.createGenerator(buffer)) {
            json.writeStartObject();
            json.writeStringField("event_id", id);
            json.writeStringField("event_type", topic);
            json.writeStringField("event_timestamp", Instant.now().toString());
            json.writeStringField("source_service", "essay-lifecycle-service");
            json.writeNumberField("schema_version", 1);
            json.writeStringField("correlation_id", correlation);
            json.writeNullField("data_schema_uri");
            json.writeObjectFieldStart("data");
            data.write(json);
            json.writeEndObject();
            if (trace.length == 0) {
                json.writeNullField("metadata");
            } else {
                json.writeObjectFieldStart("metadata");
                utf8(json, "traceparent", trace);
                json.writeEndObject();
            }
            json.writeEndObject();
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
        Headers headers = new RecordHeaders();
        headers.add("event_id", id.getBytes(StandardCharsets.ISO_8859_1));
        headers.add("event_type", topic.getBytes(StandardCharsets.ISO_8859_1));
        headers.add("correlation_id", correlation.getBytes(StandardCharsets.ISO_8859_1));
        context.forward(new Record<>(key, buffer.toByteArray(), timestamp, headers), topic);
    }

    private static void utf8(JsonGenerator json, String name, byte[] text) throws IOException {
        json.writeFieldName(name);
        json.writeUTF8String(text, 0, text.length);
    }

    private static String text(byte[] utf8) {
        return new String(utf8, StandardCharsets.UTF_8);
    }

    /** A UUIDv5 of topic and business key. */
    private String eventId(String topic, List<byte[]> name) {
        sha1.update(NAMESPACE);
        sha1.update(topic.getBytes(StandardCharsets.ISO_8859_1));
        for (byte[] part : name) {
            sha1.update((byte) '|');
            sha1.update(part);
        }
        byte[] hash = sha1.digest();
        long high = (long) Pack.getInt(hash, 0) << 32 | Pack.getInt(hash, 4) & 0xffffffffL;
        long low = (long) Pack.getInt(hash, 8) << 32 | Pack.getInt(hash, 12) & 0xffffffffL;
        return new UUID(high & ~0xf000L | 0x5000L, low & ~(0xc0L << 56) | 0x80L << 56).toString();
    }

    private static byte[] namespace() {
        byte[] bytes = new byte[16];
        UUID url = UUID.fromString("6ba7b811-9dad-11d1-80b4-00c04fd430c8");
        for (int i = 0; i < 8; i++) {
            bytes[i] = (byte) (url.getMostSignificantBits() >>> 56 - 8 * i);
            bytes[8 + i] = (byte) (url.getLeastSignificantBits() >>> 56 - 8 * i);
        }
        return bytes;
    }
}
