package ups;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import minimart.partners.ups.AmazonUps.AUPickupRequest;
import ups.Job.State;

/**
 * Jobs and trucks: section 6 of the contract. A job is one package; it has one truck, and a truck one job at a time.
 *
 * <p>Nothing is said that the world did not say before: no arrival, no delivery. What may have got lost is asked for.
 */
final class Fleet {
    private static final int SPREAD = 100;
    private static final String ARRIVED = "ARRIVE WAREHOUSE";
    private static final String BUSY = "cannot find truck or package";
    private static final String NOT_ON_IT = "package you have specified is not currently in the truck";
    private static final String UNKNOWN_PLACE = "error: ";

    private final Map<Long, Job> jobs = new LinkedHashMap<>();
    private final Map<Integer, Truck> trucks = new LinkedHashMap<>();
    private final Amazon amazon;
    private final World world;
    private final Memory memory;
    private final long tick;
    private Long worldId;

    Fleet(int count, Amazon amazon, World world, Memory memory, long tick) {
        this.amazon = amazon;
        this.world = world;
        this.memory = memory;
        this.tick = tick;
        Random random = new Random();
        for (int id = 1; id <= count; id++) {
            trucks.put(id, new Truck(id, random.nextInt(SPREAD), random.nextInt(SPREAD)));
        }
        amazon.fleet = this;
        world.fleet = this;
    }

    Collection<Truck> trucks() {
        return trucks.values();
    }

    Long world() {
        return worldId;
    }

    // What the world's link says of the world itself.

    /** We are in this world: newly made, or joined again with what is remembered of it. */
    void entered(long id) {
        worldId = id;
        for (Job job : memory.jobsOf(id, trucks)) {
            jobs.put(job.ship, job);
        }
        memory.world(id);
        for (Truck truck : trucks.values()) {
            // Who joins a world does not know what its trucks are doing.
            truck.known = false;
        }
        amazon.announce(id);
        for (Job job : jobs.values()) {
            if (job.state == State.THERE) {
                amazon.load(job);
            } else if (job.state == State.DELIVERED) {
                amazon.delivered(job.ship);
            }
        }
    }

    /** The world is gone, and all jobs with it: Amazon gives them anew in the next one (8.4). */
    void forget() {
        worldId = null;
        jobs.clear();
        for (Truck truck : trucks.values()) {
            truck.job = null;
        }
        memory.forget();
    }

    void askAfterAll() {
        trucks.values().forEach(truck -> truck.askAt = 0);
    }

    // What Amazon asks for.

    void pickupWanted(AUPickupRequest request) {
        Job job = jobs.computeIfAbsent(request.getShipId(), ship -> Job.of(request));
        job.asked = request.getSeqNum();
        switch (job.state) {
            case WAITING -> memory.job(job);
            case DROPPED -> become(job, State.WAITING);
            // Perhaps it could not be loaded, so look whether the truck is really there.
            case THERE -> world.query(job.truck);
            case DELIVERED -> amazon.delivered(job.ship);
            default -> {}
        }
    }

    void deliverWanted(long ship, long number) {
        Job job = jobs.get(ship);
        if (job == null) {
            amazon.error("unknown shipId", number);
            return;
        }
        job.asked = number;
        switch (job.state) {
            case THERE -> goOut(job, job.truck);
            case WAITING, COMING, DROPPED -> lookFor(job, null);
            case DELIVERED -> amazon.delivered(ship);
            default -> {}
        }
    }

    /** Amazon knows that it is delivered. */
    void told(long ship) {
        memory.told(ship);
    }

    // What the world says.

    void finished(int truckId, String status, int x, int y) {
        Truck truck = trucks.get(truckId);
        if (truck == null) {
            return;
        }
        truck.x = x;
        truck.y = y;
        Job job = truck.job;
        if (job == null) {
            truck.known = true;
        } else if (job.state == State.COMING && status.equals(ARRIVED) && x == job.x && y == job.y) {
            arrived(job);
        }
    }

    void delivered(long ship) {
        // Also for a package that we forgot: the ship id is all that Amazon needs.
        amazon.delivered(ship);
        Job job = jobs.get(ship);
        if (job != null && job.state != State.DELIVERED) {
            if (job.truck != null) {
                job.truck.job = null;
                job.truck.x = job.toX;
                job.truck.y = job.toY;
            }
            become(job, State.DELIVERED);
        }
    }

    void status(int truckId, String status, int x, int y) {
        Truck truck = trucks.get(truckId);
        if (truck == null) {
            return;
        }
        Job job = truck.job;
        if (job == null) {
            truck.known = status.equals("IDLE") || status.equals(ARRIVED);
            truck.x = x;
            truck.y = y;
        } else if (world.hasOrderOf(truck)) {
            boolean there = status.equals(ARRIVED) && x == job.x && y == job.y;
            switch (job.state) {
                case COMING -> {
                    if (there) {
                        arrived(job);
                    } else if (!status.equals("TRAVELING")) {
                        world.pickup(truck, job);
                    }
                }
                case THERE -> {
                    if (there) {
                        amazon.load(job);
                    } else if (!status.equals("LOADING")) {
                        become(job, State.COMING);
                        world.pickup(truck, job);
                    }
                }
                // If it was delivered meanwhile the world says so, and refuses this.
                case OUT -> {
                    if (!status.equals("DELIVERING")) {
                        world.deliver(truck, job);
                    }
                }
                default -> {}
            }
        }
    }

    /** The world could not do what `truck` was told for `job`. */
    void refused(Truck truck, Job job, String text) {
        if (truck.job != job) {
            return;
        }
        boolean busy = text.startsWith(BUSY);
        if (job.state == State.COMING && text.startsWith(UNKNOWN_PLACE)) {
            release(truck, true);
            jobs.remove(job.ship);
            memory.told(job.ship);
            amazon.error(text, job.asked);
        } else if (job.state == State.COMING) {
            if (busy) {
                release(truck, false);
                become(job, State.WAITING);
            } else {
                world.pickup(truck, job);
            }
        } else if (job.state == State.OUT) {
            if (busy || text.startsWith(NOT_ON_IT)) {
                release(truck, !busy);
                lookFor(job, truck);
                if (job.state != State.OUT) {
                    amazon.error(text, job.asked);
                }
            } else {
                world.deliver(truck, job);
            }
        }
    }

    // Timers.

    /** Asks after silent trucks, lets go of those that nobody wants, gives trucks to jobs that wait. */
    void work(long now) {
        for (Truck truck : trucks.values()) {
            Job job = truck.job;
            boolean asks = job == null ? !truck.known : job.state != State.THERE;
            if (asks && now >= truck.askAt) {
                truck.askAt = now + 5 * tick;
                world.query(truck);
            }
            if (job != null && job.state == State.THERE && now - job.since > 60 * tick) {
                release(truck, true);
                become(job, State.DROPPED);
            }
        }
        for (Job job : jobs.values()) {
            if (job.state == State.WAITING) {
                Truck truck = nearest(job);
                if (truck == null) {
                    break;
                }
                take(truck, job);
                become(job, State.COMING);
                world.pickup(truck, job);
            }
        }
    }

    private void arrived(Job job) {
        become(job, State.THERE);
        amazon.load(job);
    }

    private void goOut(Job job, Truck truck) {
        take(truck, job);
        become(job, State.OUT);
        world.deliver(truck, job);
    }

    /** Tries the trucks that have no job, but not `except`: one of them may have the package on board (6.9). */
    private void lookFor(Job job, Truck except) {
        if (job.untried == null) {
            if (job.truck != null && job.truck.job == job) {
                release(job.truck, false);
            }
            job.untried = new ArrayDeque<>();
            trucks.values().stream().filter(one -> one.job == null && one != except).forEach(job.untried::add);
        }
        Truck truck = job.untried.poll();
        while (truck != null && truck.job != null) {
            truck = job.untried.poll();
        }
        if (truck != null) {
            goOut(job, truck);
        } else {
            become(job, State.WAITING);
        }
    }

    private Truck nearest(Job job) {
        List<Truck> free = new ArrayList<>(trucks.values());
        free.removeIf(truck -> !truck.isFree());
        return free.stream()
                .min(Comparator.comparingInt(truck -> Math.abs(truck.x - job.x) + Math.abs(truck.y - job.y)))
                .orElse(null);
    }

    private void take(Truck truck, Job job) {
        truck.job = job;
        truck.askAt = Loop.now() + 5 * tick;
        job.truck = truck;
    }

    private void release(Truck truck, boolean standsStill) {
        truck.job = null;
        truck.known = standsStill;
        truck.askAt = 0;
    }

    private void become(Job job, State state) {
        job.state = state;
        job.since = Loop.now();
        if (state != State.OUT) {
            job.untried = null;
        }
        memory.job(job);
    }
}
