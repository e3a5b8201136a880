package rollcall.bench;

import java.util.Arrays;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The join with one value a batch, kept as bytes that are searched and appended to without being decoded.
 *
 * <p>A value is: how many uploads, the length of the registration (0: none yet), the registration, then an entry an
 * upload: slot (-1: pending, -2: excess) and the packed content, of which text and upload id alone are kept once it has
 * its outcome.
 */
final class BatchJoin implements Processor<byte[], byte[], byte[], byte[]> {
    private static final int PENDING = -1;
    private static final int EXCESS = -2;
    private static final int HEAD = 8;

    private final Pack pack = new Pack();
    private final Parser parser = new Parser();
    private final boolean envelope;
    private KeyValueStore<byte[], byte[]> store;
    private Say say;

    BatchJoin(boolean envelope) {
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
        byte[] value = store.get(batch);
        if (value == null) {
            value = new byte[HEAD];
        }
        if (Event.kind(event) == Event.REGISTRATION) {
            if (Pack.getInt(value, 4) == 0) {
                register(batch, value, event, input.timestamp());
            }
        } else {
            content(batch, value, event, input.timestamp());
        }
    }

    private void content(byte[] batch, byte[] value, byte[] event, long timestamp) {
        int uploads = Pack.getInt(value, 0);
        int length = Pack.getInt(value, 4);
        int text = Event.place(event, 0, Event.TEXT_ID);
        int upload = Event.place(event, 0, Event.UPLOAD_ID);
        byte[] registration = length == 0 ? null : Arrays.copyOfRange(value, HEAD, HEAD + length);
        int filled = 0;
        int at = HEAD + length;
        for (int index = 0; index < uploads; index++) {
            int slot = Pack.getInt(value, at);
            int entry = at + 8;
            if (Pack.sameText(value, Event.place(value, entry, 0), event, text)) {
                repeat(batch, registration, slot, event, timestamp);
                return;
            }
            if (Pack.sameText(value, Event.place(value, entry, 1), event, upload)) {
                return; // the first outcome of an upload wins
            }
            filled += slot >= 0 ? 1 : 0;
            at = entry + Pack.getInt(value, at + 4);
        }
        int slot = PENDING;
        if (registration != null) {
            int slots = Event.slots(registration);
            slot = filled < slots ? filled : EXCESS;
        }
        pack.clear().number(uploads + 1).raw(value, 4, value.length - 4);
        append(slot, event, 0);
        byte[] now = pack.bytes();
        store.put(batch, now);
        if (registration != null) {
            outcome(batch, registration, slot, event, 0, timestamp);
            if (slot == Event.slots(registration) - 1) {
                ready(batch, registration, now, timestamp);
            }
        }
    }

    private void register(byte[] batch, byte[] value, byte[] registration, long timestamp) {
        int uploads = Pack.getInt(value, 0);
        int slots = Event.slots(registration);
        pack.clear().number(uploads).number(registration.length).raw(registration, 0, registration.length);
        int at = HEAD;
        for (int index = 0; index < uploads; index++) {
            int slot = index < slots ? index : EXCESS;
            append(slot, value, at + 8);
            outcome(batch, registration, slot, value, at + 8, timestamp);
            at += 8 + Pack.getInt(value, at + 4);
        }
        byte[] now = pack.bytes();
        store.put(batch, now);
        if (uploads >= slots) {
            ready(batch, registration, now, timestamp);
        }
    }

    /** Append an entry for the content at {@code from}: whole while it is pending, else what tells a repeat. */
    private void append(int slot, byte[] event, int from) {
        int end = Event.place(event, from, slot == PENDING ? Event.CONTENT_TRACE + 1 : Event.UPLOAD_ID + 1);
        pack.number(slot).number(end - from).raw(event, from, end - from);
    }

    private void outcome(byte[] batch, byte[] registration, int slot, byte[] event, int from, long timestamp) {
        if (slot >= 0) {
            say.slotAssigned(batch, essay(registration, slot), event, from, timestamp);
        } else {
            say.excess(batch, event, from, timestamp);
        }
    }

    private void repeat(byte[] batch, byte[] registration, int slot, byte[] event, long timestamp) {
        if (slot != PENDING) {
            outcome(batch, registration, slot, event, 0, timestamp);
        }
    }

    private static byte[] essay(byte[] registration, int slot) {
        int at = Event.firstEssay(registration);
        for (int index = 0; index < slot; index++) {
            at = Pack.skip(registration, at);
        }
        return Pack.textAt(registration, at);
    }

    private void ready(byte[] batch, byte[] registration, byte[] value, long timestamp) {
        byte[][] texts = new byte[Event.slots(registration)][];
        int at = HEAD + Pack.getInt(value, 4);
        for (int index = Pack.getInt(value, 0); index > 0; index--) {
            int slot = Pack.getInt(value, at);
            if (slot >= 0) {
                texts[slot] = Pack.textAt(value, Event.place(value, at + 8, Event.TEXT_ID));
            }
            at += 8 + Pack.getInt(value, at + 4);
        }
        say.ready(batch, registration, slot -> texts[slot], timestamp);
    }
}
