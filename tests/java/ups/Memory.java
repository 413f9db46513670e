package ups;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What outlives a restart: a file to which a line is added whenever a job changes. `flush` comes before any ack (5.7).
 * Without a file nothing is remembered, and Amazon helps (7.3).
 */
final class Memory {
    private final Map<Long, String[]> lines = new LinkedHashMap<>();
    private final StringBuilder pending = new StringBuilder();
    private final FileChannel file;
    private Long world;

    /** `path` may be null. */
    Memory(Path path) throws IOException {
        if (path == null) {
            file = null;
            return;
        }
        if (Files.exists(path)) {
            // The last line may have been cut by a kill; it was not acked then.
            String text = Files.readString(path);
            for (String line : text.substring(0, text.lastIndexOf('\n') + 1).lines().toList()) {
                read(line.split(" "));
            }
        }
        file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        file.truncate(0);
        if (world != null) {
            add("world " + world);
            lines.values().forEach(words -> add(String.join(" ", words)));
        }
        flush();
    }

    private void read(String[] words) {
        switch (words[0]) {
            case "world" -> world = Long.valueOf(words[1]);
            case "job" -> lines.put(Long.valueOf(words[1]), words);
            case "told" -> lines.remove(Long.valueOf(words[1]));
            default -> lines.clear();
        }
    }

    /** The world that we were in, or null. */
    Long world() {
        return world;
    }

    /** The jobs of the life before, if it was in this world. */
    List<Job> jobsOf(long id, Map<Integer, Truck> trucks) {
        List<Job> jobs = new ArrayList<>();
        if (world != null && world == id) {
            for (String[] words : lines.values()) {
                int[] of = new int[words.length];
                for (int at = 2; at < 8; at++) {
                    of[at] = Integer.parseInt(words[at]);
                }
                Job job = new Job(Long.parseLong(words[1]), of[2], of[3], of[4], of[5], of[6]);
                job.truck = trucks.get(of[7]);
                job.asked = Long.parseLong(words[8]);
                job.state = Job.State.valueOf(words[9]);
                switch (job.state) {
                    case COMING, THERE, OUT -> {
                        if (job.truck == null) {
                            job.state = Job.State.DROPPED;
                        } else {
                            job.truck.job = job;
                        }
                    }
                    default -> {}
                }
                jobs.add(job);
            }
        }
        lines.clear();
        return jobs;
    }

    void world(long id) {
        if (world == null || world != id) {
            world = id;
            add("world " + id);
        }
    }

    void job(Job job) {
        int truck = job.truck == null ? 0 : job.truck.id;
        add("job " + job.ship + " " + job.warehouse + " " + job.x + " " + job.y + " " + job.toX + " " + job.toY + " "
                + truck + " " + job.asked + " " + job.state);
    }

    /** Amazon knows of this delivery: after a restart it need not be said again. */
    void told(long ship) {
        add("told " + ship);
    }

    void forget() {
        world = null;
        add("forget");
    }

    private void add(String line) {
        if (file != null) {
            pending.append(line).append('\n');
        }
    }

    /** Puts on the disk what was added. */
    void flush() {
        if (pending.length() > 0) {
            try {
                ByteBuffer bytes = ByteBuffer.wrap(pending.toString().getBytes(StandardCharsets.US_ASCII));
                while (bytes.hasRemaining()) {
                    file.write(bytes);
                }
                file.force(false);
                pending.setLength(0);
            } catch (IOException error) {
                throw new UncheckedIOException("cannot remember", error);
            }
        }
    }
}
