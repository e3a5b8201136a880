package rollcall.bench;

import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** Puts each input under its batch id; what follows is packed, so that it is parsed once, unless envelopes are asked for. */
final class Rekey implements Processor<byte[], byte[], byte[], byte[]> {
    private final Parser parser = new Parser();
    private final boolean envelope;
    private ProcessorContext<byte[], byte[]> context;

    Rekey(boolean envelope) {
        this.envelope = envelope;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
        context = given;
    }

    @Override
    public void process(Record<byte[], byte[]> input) {
        byte[] event = parser.parse(input.value());
        context.forward(input.withKey(parser.batchId).withValue(envelope ? input.value() : event));
    }
}
