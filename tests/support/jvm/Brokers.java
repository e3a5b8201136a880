import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Properties;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.utils.Exit;
import org.apache.kafka.common.utils.Time;

/**
 * Kafka brokers in one JVM. Its standard input is a listening socket; each connection is the life of one broker.
 *
 * A connection is greeted with a line. The client sends a line with the path of the broker's properties; the broker has
 * stopped in order when the client has sent another line or is gone. The last that is said is a line with a status as
 * a process would have it, 0 after a stop; the connection is closed when nothing of the broker is left.
 */
public final class Brokers {
    private Brokers() {}

    public static void main(String[] arguments) throws IOException {
        PrintStream others = System.err;
        System.setErr(new PrintStream(new ByBroker(others), false, StandardCharsets.UTF_8));
        Exit.setExitProcedure(Brokers::end);
        Exit.setHaltProcedure(Brokers::end);
        Exit.setShutdownHookAdder((name, hook) -> {}); // nothing is done at the end of this process, which is killed
        try (ServerSocketChannel connections = (ServerSocketChannel) System.inheritedChannel()) {
            for (int number = 1; ; number++) {
                Life life = new Life("broker-" + number, connections.accept());
                new Thread(life, life, life.getName()).start();
            }
        }
    }

    /** A broker asks for the end of its process: it is ended itself, and the others go on. */
    private static void end(int status, String message) {
        Life life = Life.current();
        if (life == null) { // nobody knows whose fault it was
            Runtime.getRuntime().halt(status);
        }
        life.fail(status, message);
        throw new Ended(); // who asks for that expects nothing to follow
    }

    /** Ends a thread whose broker has ended. */
    private static final class Ended extends Error {
        private static final long serialVersionUID = 1;

        Ended() {
            super("this broker has ended", null, false, false);
        }
    }

    /** All threads of one broker: each belongs to the group of the one that has made it. */
    private static final class Life extends ThreadGroup implements Runnable {
        private final SocketChannel connection;
        private volatile OutputStream log;
        private boolean told;

        Life(String name, SocketChannel connection) {
            super(name);
            this.connection = connection;
        }

        /** The one whose thread this is; null where it is nobody's. */
        static Life current() {
            ThreadGroup group = Thread.currentThread().getThreadGroup();
            while (group != null && !(group instanceof Life)) {
                group = group.getParent();
            }
            return (Life) group;
        }

        @Override
        public void uncaughtException(Thread thread, Throwable fault) {
            if (!(fault instanceof Ended)) {
                super.uncaughtException(thread, fault);
            }
        }

        @Override
        public void run() {
            try (connection) {
                say("here");
                BufferedReader lines =
                    new BufferedReader(new InputStreamReader(Channels.newInputStream(connection), StandardCharsets.UTF_8));
                String properties = lines.readLine();
                if (properties != null) {
                    live(Path.of(properties), lines);
                }
                ended(0);
            } catch (IOException gone) {
                // The client: there is nobody to tell.
            }
        }

        private void live(Path file, BufferedReader lines) throws IOException {
            try (OutputStream own = new FileOutputStream(file.resolveSibling("broker.log").toFile(), true)) {
                log = own;
                try {
                    serve(file, lines);
                } catch (Ended known) {
                    // It is told already.
                } catch (Throwable fault) {
                    fault.printStackTrace();
                    ended(1);
                } finally {
                    log = null;
                }
            }
        }

        private static void serve(Path file, BufferedReader lines) throws IOException {
            Properties properties = new Properties();
            try (InputStream stream = new FileInputStream(file.toFile())) {
                properties.load(stream);
            }
            KafkaRaftServer server = new KafkaRaftServer(KafkaConfig.fromProps(properties, false), Time.SYSTEM);
            try {
                server.startup();
                lines.readLine();
            } finally {
                server.shutdown();
                server.awaitShutdown();
            }
        }

        /** Says the status, once. */
        private synchronized void ended(int status) throws IOException {
            if (!told) {
                told = true;
                say(Integer.toString(status));
            }
        }

        void fail(int status, String message) {
            System.err.println("this broker asks for the end of its process, with status " + status
                + (message == null ? "" : " (" + message + ")") + ": it alone is ended");
            try {
                ended(status == 0 ? 1 : status);
                connection.shutdownInput(); // wakes the thread that waits for the client
            } catch (IOException gone) {
                // The client: that thread knows.
            }
        }

        private void say(String line) throws IOException {
            connection.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
        }
    }

    /** What the thread of a broker writes goes to that broker's log. */
    private static final class ByBroker extends OutputStream {
        private final OutputStream others;

        ByBroker(OutputStream others) {
            this.others = others;
        }

        @Override
        public void write(int one) throws IOException {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int from, int count) throws IOException {
            Life life = Life.current();
            OutputStream log = life == null ? null : life.log;
            (log == null ? others : log).write(bytes, from, count);
        }
    }
}
