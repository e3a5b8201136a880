package rollcall.bench;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * Rollcall's job as a Kafka Streams application: re-key by batch id, join with a persistent store, say what follows.
 *
 * <p>Settings are system properties: {@code bootstrap}, {@code app}, {@code statedir}, {@code partitions}, {@code
 * threads}, {@code guarantee}, {@code layout} (batch or row), {@code hop} (projection or envelope), {@code commit} (ms),
 * {@code session} (ms).
 */
public final class Main {
    static final String REGISTERED = "huleedu.batch.essays.registered.v1";
    static final String CONTENT = "huleedu.file.essay.content.provisioned.v1";
    static final String SLOT_ASSIGNED = "huleedu.els.essay.slot.assigned.v1";
    static final String READY = "huleedu.els.batch.essays.ready.v1";
    static final String EXCESS = "huleedu.els.excess.content.provisioned.v1";
    static final String STORE = "batches";

    private Main() {}

    public static void main(String[] arguments) throws InterruptedException {
        KafkaStreams streams = new KafkaStreams(topology(), settings());
        CountDownLatch ended = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(
                error -> {
                    error.printStackTrace();
                    ended.countDown();
                    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
                });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        ended.await();
        Runtime.getRuntime().halt(1);
    }

    private static Topology topology() {
        boolean row = System.getProperty("layout").equals("row");
        boolean envelope = System.getProperty("hop").equals("envelope");
        StoreBuilder<KeyValueStore<byte[], byte[]>> batches =
                Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(STORE), Serdes.ByteArray(), Serdes.ByteArray())
                        .withCachingEnabled()
                        .withLoggingEnabled(Map.of());
        ProcessorSupplier<byte[], byte[], byte[], byte[]> join =
                row ? () -> new RowJoin(envelope) : () -> new BatchJoin(envelope);

        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(batches);
        builder.stream(List.of(REGISTERED, CONTENT), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(() -> new Rekey(envelope))
                .repartition(
                        Repartitioned.<byte[], byte[]>as("by-batch")
                                .withKeySerde(Serdes.ByteArray())
                                .withValueSerde(Serdes.ByteArray())
                                .withNumberOfPartitions(Integer.getInteger("partitions")))
                .process(join, Named.as("join"), STORE);

        Topology topology = builder.build();
        var bytes = Serdes.ByteArray().serializer();
        for (String output : List.of(SLOT_ASSIGNED, READY, EXCESS)) {
            topology.addSink(output, output, bytes, bytes, "join");
        }
        return topology;
    }

    private static Properties settings() {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getProperty("app"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getProperty("bootstrap"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("statedir"));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.getInteger("threads", 1));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, System.getProperty("guarantee"));
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Integer.getInteger("commit"));
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L * 1024 * 1024);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        // Poll little but often is the default (1,000 records, 1 MB a partition); more at a time is cheaper under load.
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 * 1024 * 1024);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(
                StreamsConfig.mainConsumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG),
                Integer.getInteger("session"));
        settings.put(
                StreamsConfig.mainConsumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG),
                Integer.getInteger("session") / 6);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 * 1024);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), Integer.getInteger("linger", 100));
        // The ready event of 10,000 slots has 1.1 MB.
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.MAX_REQUEST_SIZE_CONFIG), 16 * 1024 * 1024);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L * 1024 * 1024);
        return settings;
    }
}
