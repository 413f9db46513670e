package ups;

import com.google.protobuf.MessageLite;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.StreamCorruptedException;
import java.net.InetSocketAddress;
import java.net.Socket;

/** One TCP connection that carries frames (contract, section 2). One thread sends, one other receives. */
final class Connection implements Closeable {
    private static final int CAP = 4 * 1024 * 1024;

    private final Socket socket = new Socket();
    private final InputStream in;
    private final OutputStream out;

    Connection(InetSocketAddress address) throws IOException {
        try {
            // Looked up anew each time: the address may have changed.
            socket.connect(new InetSocketAddress(address.getHostString(), address.getPort()), 5000);
            socket.setKeepAlive(true);
            socket.setTcpNoDelay(true);
            in = new BufferedInputStream(socket.getInputStream());
            out = new BufferedOutputStream(socket.getOutputStream());
        } catch (IOException error) {
            socket.close();
            throw error;
        }
    }

    /** Sends one message as one frame. */
    void send(MessageLite message) throws IOException {
        message.writeDelimitedTo(out);
        out.flush();
    }

    /** Waits for the next body; null is the end of the stream between two frames. */
    byte[] receive() throws IOException {
        long length = 0;
        for (int at = 0; at < 5; at++) {
            int value = in.read();
            if (value < 0) {
                if (at == 0) {
                    return null;
                }
                throw new EOFException("the stream ended inside a length");
            }
            length |= (long) (value & 0x7F) << (7 * at);
            if (value < 0x80) {
                return body(length);
            }
        }
        throw new StreamCorruptedException("a length did not end within 5 bytes");
    }

    private byte[] body(long length) throws IOException {
        if (length > CAP) {
            throw new StreamCorruptedException("a frame of " + length + " bytes was announced");
        }
        byte[] body = in.readNBytes((int) length);
        if (body.length < length) {
            throw new EOFException("the stream ended inside a frame");
        }
        return body;
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException ignored) {
            // It is gone either way.
        }
    }
}
