package rollcall.bench;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.nio.ByteBuffer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The join with a row a content, so that the cost of a content does not grow with its batch.
 *
 * <p>Rows: {@code batch|h} how many are pending, filled, and the slots (-1: not registered); {@code batch|r} the
 * registration; {@code batch|t|text id} the slot (-1: pending, -2: excess), the order of arrival, and the packed content
 * while it is pending. Registrations never change, so parsed ones are kept in memory as well.
 */
final class RowJoin implements Processor<byte[], byte[], byte[], byte[]> {
    private static final int PENDING = -1;
    private static final int EXCESS = -2;
    private static final int KNOWN = 20_000;

    /** A registration and where each of its essay ids begins. */
    private record Registration(byte[] event, int[] essays) {
        static Registration of(byte[] event) {
            int[] essays = new int[Event.slots(event)];
            int at = Event.firstEssay(event);
            for (int slot = 0; slot < essays.length; slot++, at = Pack.skip(event, at)) {
                essays[slot] = at;
            }
            return new Registration(event, essays);
        }

        byte[] essay(int slot) {
            return Pack.textAt(event, essays[slot]);
        }
    }

    private final Pack pack = new Pack();
    private final Parser parser = new Parser();
    private final boolean envelope;
    private final Map<ByteBuffer, Registration> known =
            new LinkedHashMap<>(1024, 0.75f, true) {
                @Override
                protected boolean removeEldestEntry(Map.Entry<ByteBuffer, Registration> eldest) {
                    return size() > KNOWN;
                }
            };
    private KeyValueStore<byte[], byte[]> store;
    private Say say;

    RowJoin(boolean envelope) {
        this.envelope = envelope;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        store = context.getStateStore(Main.STORE);
        say = new Say(context);
    }

    @Override
    public void process(Record<byte[], byte[]> input) {
        byte[] event = envelope ? parser.parse(input.value()) : input.value();
        byte[] batch = input.key();
        byte[] head = store.get(key(batch, 'h', event, 0, 0));
        int pending = head == null ? 0 : Pack.getInt(head, 0);
        int filled = head == null ? 0 : Pack.getInt(head, 4);
        int slots = head == null ? -1 : Pack.getInt(head, 8);
        if (Event.kind(event) == Event.CONTENT) {
            content(batch, event, pending, filled, slots, input.timestamp());
        } else if (slots < 0) {
            register(batch, event, pending, input.timestamp());
        }
    }

    private void content(byte[] batch, byte[] event, int pending, int filled, int slots, long timestamp) {
        int text = Event.place(event, 0, Event.TEXT_ID);
        byte[] key = key(batch, 't', event, text + 4, Pack.getInt(event, text));
        byte[] row = store.get(key);
        if (row != null) {
            int slot = Pack.getInt(row, 0);
            if (slot != PENDING) {
                outcome(batch, registration(batch), slot, event, 0, timestamp);
            }
        } else if (slots < 0) {
            store.put(key, pack.clear().number(PENDING).number(pending).raw(event, 0, event.length).bytes());
            head(batch, pending + 1, 0, slots);
        } else {
            int slot = filled < slots ? filled : EXCESS;
            store.put(key, pack.clear().number(slot).number(0).bytes());
            Registration registration = registration(batch);
            outcome(batch, registration, slot, event, 0, timestamp);
            if (slot >= 0) {
                head(batch, pending, filled + 1, slots);
                if (filled + 1 == slots) {
                    ready(batch, registration, timestamp);
                }
            }
        }
    }

    private void register(byte[] batch, byte[] event, int pending, long timestamp) {
        Registration registration = Registration.of(event);
        int slots = registration.essays.length;
        store.put(key(batch, 'r', event, 0, 0), event);
        known.put(ByteBuffer.wrap(batch), registration);
        int filled = Math.min(pending, slots);
        head(batch, 0, filled, slots);
        if (pending > 0) {
            byte[][] keys = new byte[pending][];
            byte[][] rows = new byte[pending][];
            try (var all = store.range(key(batch, 't', event, 0, 0), key(batch, 'u', event, 0, 0))) {
                while (all.hasNext()) {
                    KeyValue<byte[], byte[]> one = all.next();
                    int order = Pack.getInt(one.value, 4);
                    keys[order] = one.key;
                    rows[order] = one.value;
                }
            }
            for (int order = 0; order < pending; order++) {
                int slot = order < slots ? order : EXCESS;
                store.put(keys[order], pack.clear().number(slot).number(0).bytes());
                outcome(batch, registration, slot, rows[order], 8, timestamp);
            }
            if (filled == slots) {
                ready(batch, registration, timestamp);
            }
        }
    }

    private void head(byte[] batch, int pending, int filled, int slots) {
        store.put(key(batch, 'h', batch, 0, 0), pack.clear().number(pending).number(filled).number(slots).bytes());
    }

    private Registration registration(byte[] batch) {
        ByteBuffer key = ByteBuffer.wrap(batch);
        Registration registration = known.get(key);
        if (registration == null) {
            registration = Registration.of(store.get(key(batch, 'r', batch, 0, 0)));
            known.put(key, registration);
        }
        return registration;
    }

    private void outcome(byte[] batch, Registration registration, int slot, byte[] event, int from, long timestamp) {
        if (slot >= 0) {
            say.slotAssigned(batch, registration.essay(slot), event, from, timestamp);
        } else {
            say.excess(batch, event, from, timestamp);
        }
    }

    private void ready(byte[] batch, Registration registration, long timestamp) {
        byte[][] texts = new byte[registration.essays.length][];
        int prefix = batch.length + 1;
        try (var all = store.range(key(batch, 't', batch, 0, 0), key(batch, 'u', batch, 0, 0))) {
            while (all.hasNext()) {
                KeyValue<byte[], byte[]> one = all.next();
                int slot = Pack.getInt(one.value, 0);
                if (slot >= 0) {
                    texts[slot] = Arrays.copyOfRange(one.key, prefix, one.key.length);
                }
            }
        }
        say.ready(batch, registration.event, slot -> texts[slot], timestamp);
    }

    /** {@code batch}, a letter for the kind of row, and what {@code from} has at {@code offset}. */
    private static byte[] key(byte[] batch, char kind, byte[] from, int offset, int length) {
        byte[] key = Arrays.copyOf(batch, batch.length + 1 + length);
        key[batch.length] = (byte) kind;
        System.arraycopy(from, offset, key, batch.length + 1, length);
        return key;
    }
}
