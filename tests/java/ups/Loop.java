package ups;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/** The one thread that owns everything: it runs what the connections' readers post, and is the only one that sends. */
final class Loop {
    // Full: the readers wait, and so do those who send to us.
    private final BlockingQueue<Runnable> posted = new ArrayBlockingQueue<>(10_000);

    /** Has `event` run by the loop, soon. */
    void post(Runnable event) throws InterruptedException {
        posted.put(event);
    }

    /** Runs everything that is posted, then `after`, and again; at the latest after `millis`. */
    void run(long millis, Runnable after) throws InterruptedException {
        while (true) {
            Runnable event = posted.poll(millis, TimeUnit.MILLISECONDS);
            for (int count = 0; event != null && count < 1000; count++) {
                event.run();
                event = posted.poll();
            }
            if (event != null) {
                event.run();
            }
            after.run();
        }
    }

    /** Milliseconds that only go forward. */
    static long now() {
        return System.nanoTime() / 1_000_000;
    }
}
