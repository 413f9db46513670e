package ups;

import java.util.Deque;
import minimart.partners.ups.AmazonUps.AUPickupRequest;

/** One package, from the request for a truck to its delivery; its key is the ship id. */
final class Job {
    enum State {
        /** No truck yet. */
        WAITING,
        /** A truck is on its way to the warehouse. */
        COMING,
        /** The truck is at the warehouse, and Amazon was told. */
        THERE,
        /** Nobody asked for the truck that was there, so it went (6.11). */
        DROPPED,
        OUT,
        DELIVERED
    }

    final long ship;
    final int warehouse;
    final int x;
    final int y;
    final int toX;
    final int toY;
    /** The number of Amazon's latest request about it: what an Err names. */
    long asked;
    State state = State.WAITING;
    long since = Loop.now();
    Truck truck;
    /** Trucks that may have the package on board, while it is looked for; null: it is not. */
    Deque<Truck> untried;

    Job(long ship, int warehouse, int x, int y, int toX, int toY) {
        this.ship = ship;
        this.warehouse = warehouse;
        this.x = x;
        this.y = y;
        this.toX = toX;
        this.toY = toY;
    }

    static Job of(AUPickupRequest asked) {
        return new Job(
                asked.getShipId(),
                asked.getWarehouseId(),
                asked.getX(),
                asked.getY(),
                asked.getDestinationX(),
                asked.getDestinationY());
    }
}
