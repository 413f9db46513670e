package ups;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * A small UPS: `ups.Main --world HOST:PORT --amazon HOST:PORT [--join ID] [--memory FILE] [--trucks N] [--tick SECONDS]`.
 * It keeps to docs/ups-protocol.md and to nothing else; section numbers in the code are that document's.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Map<String, String> options = options(arguments);
        long tick = Math.round(1000 * Double.parseDouble(options.getOrDefault("--tick", "6")));
        int trucks = Integer.parseInt(options.getOrDefault("--trucks", "20"));
        String file = options.get("--memory");
        Memory memory = new Memory(file == null ? null : Path.of(file));
        String join = options.get("--join");
        Loop loop = new Loop();
        Amazon amazon = new Amazon(address(options, "--amazon"), loop, tick);
        Long world = join == null ? memory.world() : Long.valueOf(join);
        World link = new World(address(options, "--world"), loop, tick, world);
        Fleet fleet = new Fleet(trucks, amazon, link, memory, tick);
        link.start(); // Amazon is dialled once there is a world to announce.
        loop.run(Math.max(5, tick / 20), () -> {
            long now = Loop.now();
            if (fleet.world() != null) {
                fleet.work(now);
            }
            memory.flush();
            link.flush(now);
            amazon.flush(now);
        });
    }

    static void log(String line) {
        System.err.println("ups: " + line);
    }

    private static Map<String, String> options(String[] arguments) {
        Map<String, String> options = new HashMap<>();
        for (int at = 0; at + 1 < arguments.length; at += 2) {
            options.put(arguments[at], arguments[at + 1]);
        }
        if (arguments.length % 2 != 0 || !options.containsKey("--world") || !options.containsKey("--amazon")) {
            log("usage: --world HOST:PORT --amazon HOST:PORT [--join ID] [--memory FILE] [--trucks N] [--tick SECONDS]");
            System.exit(2);
        }
        return options;
    }

    private static InetSocketAddress address(Map<String, String> options, String name) {
        String text = options.get(name);
        int colon = text.lastIndexOf(':');
        return InetSocketAddress.createUnresolved(text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
    }
}
