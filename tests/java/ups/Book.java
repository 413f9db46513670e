package ups;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongFunction;

/**
 * The numbers of one partner, both ways (contract, section 5): what we said stays here until it is acked and goes out
 * again until then; what they said is new once, and acked each time.
 */
final class Book<T> {
    private static final class Entry<T> {
        final T element;
        long sentAt = Long.MIN_VALUE;

        Entry(T element) {
            this.element = element;
        }
    }

    private final long interval;
    private final Map<Long, Entry<T>> unacked = new LinkedHashMap<>();
    private final Set<Long> seen = new HashSet<>();
    private final List<Long> acks = new ArrayList<>();
    private long next;

    /** `interval`: milliseconds between two copies. Numbers begin above those of any life before. */
    Book(long interval) {
        this.interval = interval;
        this.next = System.currentTimeMillis() * 1000;
    }

    long number() {
        return next++;
    }

    /** Says something under a new number, which is given. */
    long add(LongFunction<T> make) {
        long number = number();
        unacked.put(number, new Entry<>(make.apply(number)));
        return number;
    }

    boolean isUnacked(long number) {
        return unacked.containsKey(number);
    }

    /** They have it; gives it, or null for a number that is not waited for. */
    T acked(long number) {
        Entry<T> entry = unacked.remove(number);
        return entry == null ? null : entry.element;
    }

    /** Whether a number of theirs is new; it will be acked in any case. */
    boolean isNew(long number) {
        acks.add(number);
        return seen.add(number);
    }

    /** What is to be sent now. */
    List<T> due(long now) {
        List<T> due = new ArrayList<>();
        for (Entry<T> entry : unacked.values()) {
            if (entry.sentAt == Long.MIN_VALUE || now - entry.sentAt >= interval) {
                entry.sentAt = now;
                due.add(entry.element);
            }
        }
        return due;
    }

    List<Long> takeAcks() {
        List<Long> taken = new ArrayList<>(acks);
        acks.clear();
        return taken;
    }

    /** A new connection: everything unacked goes out at once; what was to be acked will come again. */
    void startOver() {
        acks.clear();
        unacked.values().forEach(entry -> entry.sentAt = Long.MIN_VALUE);
    }

    /** Another partner begins, or another world: nothing that was said counts any more, and its numbers are all new. */
    void forget() {
        unacked.clear();
        seen.clear();
        acks.clear();
    }
}
