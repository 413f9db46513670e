package ups;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import java.io.IOException;
import java.net.InetSocketAddress;

/** A connection that is dialled again whenever it ends. Its thread dials and reads; all else is run by the loop. */
abstract class Link {
    private final String name;
    private final InetSocketAddress address;
    private final Loop loop;
    private final long shortest;
    private final long longest;
    private volatile long pause;
    private Connection connection;
    private String trouble = "";
    private boolean started;

    /** `pause`: milliseconds from the end of a connection to the next; it doubles while nothing comes of it (4.10). */
    Link(String name, InetSocketAddress address, Loop loop, long pause) {
        this.name = name;
        this.address = address;
        this.loop = loop;
        this.pause = shortest = pause;
        longest = Math.max(pause, Math.min(8 * pause, 5000));
    }

    /** The connection is there. */
    abstract void opened();

    /** One body came. */
    abstract void received(byte[] body) throws InvalidProtocolBufferException;

    /** The connection is gone. */
    abstract void closed();

    /** Begins to dial; further calls do nothing. */
    final void start() {
        if (started) {
            return;
        }
        started = true;
        Thread thread = new Thread(this::dialForEver, name);
        thread.setDaemon(true);
        thread.start();
    }

    final boolean isUp() {
        return connection != null;
    }

    /** Sends, if there is a connection; whether it arrives is known by its ack alone. */
    final void send(MessageLite message) {
        if (connection != null) {
            try {
                connection.send(message);
            } catch (IOException error) {
                hangUp(error.toString());
            }
        }
    }

    /** Ends the connection; the next one is dialled after the pause. */
    final void hangUp(String reason) {
        if (connection != null) {
            Main.log(name + " closed: " + reason);
            connection.close();
            connection = null;
            closed();
        }
    }

    private void dialForEver() {
        try {
            while (true) {
                try (Connection fresh = new Connection(address)) {
                    loop.post(() -> begin(fresh));
                    String reason = readAll(fresh);
                    loop.post(() -> end(fresh, reason));
                } catch (IOException error) {
                    loop.post(() -> failed(error.toString()));
                }
                Thread.sleep(pause);
                pause = Math.min(2 * pause, longest);
            }
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    /** Hands over what comes until the end of it; why it ended. */
    private String readAll(Connection from) throws InterruptedException {
        try {
            for (byte[] body; (body = from.receive()) != null; ) {
                byte[] came = body;
                loop.post(() -> take(from, came));
            }
            return "the other side closed";
        } catch (IOException error) {
            return error.toString();
        }
    }

    private void begin(Connection fresh) {
        connection = fresh;
        trouble = "";
        Main.log(name + " connected to " + address.getHostString() + ":" + address.getPort());
        opened();
    }

    private void take(Connection from, byte[] body) {
        if (connection == from) {
            try {
                pause = shortest;
                received(body);
            } catch (InvalidProtocolBufferException error) {
                hangUp("no message: " + error.getMessage());
            }
        }
    }

    private void end(Connection ended, String reason) {
        if (connection == ended) {
            hangUp(reason);
        }
    }

    private void failed(String reason) {
        if (!reason.equals(trouble)) {
            trouble = reason;
            Main.log(name + " cannot connect: " + reason);
        }
    }
}
