import com.google.protobuf.CodedInputStream;
import com.google.protobuf.DiscardUnknownFieldsParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import minimart.partners.ups.AmazonUps;
import minimart.partners.world.WorldAmazon;
import minimart.partners.world.WorldUps;

/**
 * Runs golden vectors as a partner in Java reads a stream: the framing of the contract with CodedInputStream for each
 * body, and beside it protobuf's own parseDelimitedFrom. Writes a line for each vector: id, verdict and messages, and
 * last the same of parseDelimitedFrom. What a vector's line says is in tests/vectors/README.md.
 */
public final class Vectors {
    private static final int CAP = 4 * 1024 * 1024;
    private static final int SHORT = 40;
    private static final String FROM_UPS = "UPS";
    private static final Map<String, Parser<? extends Message>> PARSERS = new HashMap<>();

    /** The stream cannot be read further, and why. */
    private static final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(String verdict) {
            super(verdict);
        }
    }

    /** What one way to read a stream made of it. */
    private interface Reader {
        void read(String kind, InputStream in, List<String> accepted) throws Refused, IOException;
    }

    public static void main(String[] files) throws Exception {
        addParsers(AmazonUps.class);
        addParsers(WorldAmazon.class);
        addParsers(WorldUps.class);
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.US_ASCII);
        for (String file : files) {
            for (String line : Files.readAllLines(Path.of(file), StandardCharsets.US_ASCII)) {
                if (line.startsWith("#")) {
                    continue;
                }
                String[] cells = line.split("\t");
                List<byte[]> reads = new ArrayList<>();
                if (!cells[3].equals("-")) {
                    for (String read : cells[3].split("\\|")) {
                        reads.add(unpack(read));
                    }
                }
                String ours = told(Vectors::readFrames, cells[2], reads);
                out.println(cells[0] + "\t" + ours + "\t" + told(Vectors::readDelimited, cells[2], reads));
            }
        }
        out.flush();
    }

    private static String told(Reader reader, String kind, List<byte[]> reads) throws IOException {
        List<String> accepted = new ArrayList<>();
        String verdict = "ok";
        try {
            reader.read(kind, new Reads(reads), accepted);
        } catch (Refused refused) {
            verdict = refused.getMessage();
        }
        return accepted.isEmpty() ? verdict : verdict + "," + String.join(",", accepted);
    }

    /** Sections 2.2 to 2.9 of the contract. */
    private static void readFrames(String kind, InputStream in, List<String> accepted) throws Refused, IOException {
        for (int size; (size = readLength(in)) >= 0; ) {
            byte[] body = in.readNBytes(size);
            if (body.length < size) {
                throw new Refused("cut");
            }
            if (kind.equals(FROM_UPS)) {
                accepted.add(isStart(body) ? taken("UAstart", body) : taken("UACommand", body));
            } else {
                accepted.add(taken(kind, body));
            }
        }
    }

    /** The length in front of a body, or -1 at the end of the stream. */
    private static int readLength(InputStream in) throws Refused, IOException {
        long length = 0;
        for (int at = 0; at < 5; at++) {
            int value = in.read();
            if (value < 0) {
                if (at > 0) {
                    throw new Refused("cut");
                }
                return -1;
            }
            length |= (long) (value & 0x7F) << (7 * at);
            if (value < 0x80) {
                if (length > CAP) {
                    throw new Refused("too-large");
                }
                return (int) length;
            }
        }
        throw new Refused("bad-length");
    }

    private static boolean isStart(byte[] body) {
        try {
            PARSERS.get("UAstart").parseFrom(body);
            return true;
        } catch (InvalidProtocolBufferException error) {
            return false;
        }
    }

    private static String taken(String kind, byte[] body) throws Refused {
        Message message;
        try {
            CodedInputStream in = CodedInputStream.newInstance(body);
            message = PARSERS.get(kind).parsePartialFrom(in);
            in.checkLastTagWas(0);
        } catch (InvalidProtocolBufferException error) {
            throw new Refused("bad-message");
        }
        if (!message.isInitialized()) {
            throw new Refused("missing-field");
        }
        return kind + ":" + brief(message.toByteArray());
    }

    /** The same as protobuf-java reads it by itself: no cap, no look at how the stream ends. */
    private static void readDelimited(String kind, InputStream in, List<String> accepted) throws Refused, IOException {
        if (kind.equals(FROM_UPS)) {
            throw new Refused("-");
        }
        while (true) {
            Message message;
            try {
                message = PARSERS.get(kind).parsePartialDelimitedFrom(in);
            } catch (InvalidProtocolBufferException error) {
                throw new Refused("bad-message");
            }
            if (message == null) {
                return;
            }
            if (!message.isInitialized()) {
                throw new Refused("missing-field");
            }
            accepted.add(kind + ":" + brief(message.toByteArray()));
            if (accepted.size() > 10_000) {
                throw new Refused("endless");
            }
        }
    }

    private static void addParsers(Class<?> file) throws ReflectiveOperationException {
        for (Class<?> one : file.getDeclaredClasses()) {
            if (Message.class.isAssignableFrom(one)) {
                @SuppressWarnings("unchecked") // each generated message has a parser of its own kind
                Parser<? extends Message> parser = (Parser<? extends Message>) one.getMethod("parser").invoke(null);
                PARSERS.put(one.getSimpleName(), DiscardUnknownFieldsParser.wrap(parser));
            }
        }
    }

    private static byte[] unpack(String text) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int at = 0; at < text.length(); ) {
            int end = text.indexOf('(', at);
            out.writeBytes(HexFormat.of().parseHex(text, at, end < 0 ? text.length() : end));
            if (end < 0) {
                break;
            }
            int star = text.indexOf('*', end);
            at = text.indexOf(')', star) + 1;
            byte value = (byte) HexFormat.fromHexDigits(text, end + 1, star);
            byte[] run = new byte[Integer.parseInt(text, star + 1, at - 1, 10)];
            java.util.Arrays.fill(run, value);
            out.writeBytes(run);
        }
        return out.toByteArray();
    }

    private static String brief(byte[] body) {
        if (body.length <= SHORT) {
            return HexFormat.of().formatHex(body);
        }
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(body);
            return "#" + body.length + "#" + HexFormat.of().formatHex(digest, 0, 8);
        } catch (java.security.NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }

    /** A stream that gives what came in one read and no more at a time, as a socket does. */
    private static final class Reads extends InputStream {
        private final List<byte[]> reads;
        private int read;
        private int position;

        Reads(List<byte[]> reads) {
            this.reads = reads;
        }

        private boolean ended() {
            while (read < reads.size() && position == reads.get(read).length) {
                read++;
                position = 0;
            }
            return read == reads.size();
        }

        @Override
        public int read() {
            return ended() ? -1 : reads.get(read)[position++] & 0xFF;
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            if (length == 0) {
                return 0;
            }
            if (ended()) {
                return -1;
            }
            byte[] from = reads.get(read);
            int size = Math.min(length, from.length - position);
            System.arraycopy(from, position, into, offset, size);
            position += size;
            return size;
        }
    }
}
