package rollcall.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads an envelope in one pass of Jackson's streaming parser: only the fields that the job uses become objects. */
final class Parser {
    private static final JsonFactory JSON = new JsonFactory();
    private static final byte[] NONE = new byte[0];
    private static final List<String> CONTENT =
            List.of("text_storage_id", "file_upload_id", "original_file_name", "correlation_id", "timestamp", "trace");
    private static final List<String> REGISTRATION =
            List.of("correlation_id", "course_code", "class_id", "student_prompt_ref", "essay_instructions", "timestamp", "trace");

    private final Map<String, byte[]> found = new HashMap<>();
    private final List<byte[]> essays = new ArrayList<>();
    private final Pack pack = new Pack();

    /** The batch id of the envelope that was read last. */
    byte[] batchId;

    /** The event in an envelope, packed. */
    byte[] parse(byte[] envelope) {
        found.clear();
        essays.clear();
        batchId = null;
        try (JsonParser json = JSON.createParser(envelope)) {
            json.nextToken();
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                JsonToken value = json.nextToken();
                switch (name) {
                    case "event_type", "event_timestamp", "correlation_id" -> keep(name, json, value);
                    case "data" -> data(json);
                    case "metadata" -> metadata(json, value);
                    default -> json.skipChildren();
                }
            }
        } catch (IOException error) {
            throw new IllegalArgumentException(error);
        }
        boolean content = essays.isEmpty();
        pack.clear().number(content ? Event.CONTENT : Event.REGISTRATION);
        for (String name : content ? CONTENT : REGISTRATION) {
            pack.text(found.getOrDefault(name, NONE));
        }
        if (!content) {
            pack.number(essays.size());
            essays.forEach(pack::text);
        }
        return pack.bytes();
    }

    private void data(JsonParser json) throws IOException {
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            JsonToken value = json.nextToken();
            switch (name) {
                case "entity_id", "batch_id" -> batchId = json.getText().getBytes(StandardCharsets.UTF_8);
                case "text_storage_id", "file_upload_id", "original_file_name", "timestamp", "course_code", "class_id",
                        "essay_instructions" -> keep(name, json, value);
                case "essay_ids" -> {
                    while (json.nextToken() != JsonToken.END_ARRAY) {
                        essays.add(json.getText().getBytes(StandardCharsets.UTF_8));
                    }
                }
                case "student_prompt_ref" -> {
                    if (value == JsonToken.START_OBJECT) {
                        found.put(name, copy(json));
                    }
                }
                case "metadata" -> {
                    if (!found.containsKey("timestamp") && value == JsonToken.START_OBJECT) {
                        moment(json);
                    } else {
                        json.skipChildren();
                    }
                }
                default -> json.skipChildren();
            }
        }
    }

    private void moment(JsonParser json) throws IOException {
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            JsonToken value = json.nextToken();
            if (name.equals("timestamp")) {
                keep(name, json, value);
            } else {
                json.skipChildren();
            }
        }
    }

    private void metadata(JsonParser json, JsonToken value) throws IOException {
        if (value != JsonToken.START_OBJECT) {
            return;
        }
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            JsonToken child = json.nextToken();
            if (name.equals("traceparent")) {
                keep("trace", json, child);
            } else {
                json.skipChildren();
            }
        }
    }

    private void keep(String name, JsonParser json, JsonToken value) throws IOException {
        if (value == JsonToken.VALUE_STRING) {
            found.put(name, json.getText().getBytes(StandardCharsets.UTF_8));
        }
    }

    private static byte[] copy(JsonParser json) throws IOException {
        ByteArrayOutputStream into = new ByteArrayOutputStream(128);
        try (var generator = JSON.createGenerator(into)) {
            generator.copyCurrentStructure(json);
        }
        return into.toByteArray();
    }
}
