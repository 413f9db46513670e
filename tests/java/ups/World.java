package ups;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import minimart.partners.world.WorldUps.UCommands;
import minimart.partners.world.WorldUps.UConnect;
import minimart.partners.world.WorldUps.UConnected;
import minimart.partners.world.WorldUps.UDeliveryLocation;
import minimart.partners.world.WorldUps.UDeliveryMade;
import minimart.partners.world.WorldUps.UErr;
import minimart.partners.world.WorldUps.UFinished;
import minimart.partners.world.WorldUps.UGoDeliver;
import minimart.partners.world.WorldUps.UGoPickup;
import minimart.partners.world.WorldUps.UInitTruck;
import minimart.partners.world.WorldUps.UQuery;
import minimart.partners.world.WorldUps.UResponses;
import minimart.partners.world.WorldUps.UTruck;

/** The link to the world, on its UPS port: makes or joins a world, gives orders to trucks, hears what became of them. */
final class World extends Link {
    private static final String CONNECTED = "connected!";
    private static final String TRUCKS_KNOWN = "error: warehouse_id/truck_id already exists.";
    private static final int REFUSALS = 5;

    /** What a number of ours is about; the world's errors name it. A query is about no job. */
    private record Order(Truck truck, Job job) {}

    private final Book<MessageLite> book;
    private final Map<Long, Order> orders = new HashMap<>();
    private boolean connected;
    private boolean withTrucks;
    private int refusals;
    private Long id;
    Fleet fleet;

    /** `id`: the world to join, or null to make one. */
    World(InetSocketAddress address, Loop loop, long tick, Long id) {
        // Sooner than after a tick the old connection would take the answers of the new one.
        super("world", address, loop, tick * 3 / 2);
        // Copies are harmless, and with losses each is another chance within the tick.
        this.book = new Book<>(Math.max(20, tick / 6));
        this.id = id;
        this.withTrucks = id == null;
    }

    void pickup(Truck truck, Job job) {
        order(truck, job, number ->
                UGoPickup.newBuilder().setTruckid(truck.id).setWhid(job.warehouse).setSeqnum(number).build());
    }

    void deliver(Truck truck, Job job) {
        UDeliveryLocation place =
                UDeliveryLocation.newBuilder().setPackageid(job.ship).setX(job.toX).setY(job.toY).build();
        order(truck, job, number ->
                UGoDeliver.newBuilder().setTruckid(truck.id).addPackages(place).setSeqnum(number).build());
    }

    void query(Truck truck) {
        if (!book.isUnacked(truck.query)) {
            orders.remove(truck.query);
            truck.query = book.add(number -> UQuery.newBuilder().setTruckid(truck.id).setSeqnum(number).build());
            orders.put(truck.query, new Order(truck, null));
        }
    }

    /** Whether the world has the truck's last order, so that its status is about what came of it. */
    boolean hasOrderOf(Truck truck) {
        return !book.isUnacked(truck.order);
    }

    private void order(Truck truck, Job job, LongFunction<MessageLite> make) {
        orders.remove(truck.order);
        truck.order = book.add(make);
        orders.put(truck.order, new Order(truck, job));
    }

    @Override
    void opened() {
        connected = false;
        UConnect.Builder connect = UConnect.newBuilder().setIsAmazon(false);
        if (id != null) {
            connect.setWorldid(id);
        }
        if (withTrucks) {
            for (Truck truck : fleet.trucks()) {
                connect.addTrucks(UInitTruck.newBuilder().setId(truck.id).setX(truck.x).setY(truck.y));
            }
        }
        send(connect.build());
    }

    @Override
    void closed() {
        connected = false;
    }

    @Override
    void received(byte[] body) throws InvalidProtocolBufferException {
        if (!connected) {
            greeted(UConnected.parser().parsePartialFrom(body));
            return;
        }
        UResponses said = UResponses.parseFrom(body);
        said.getAcksList().forEach(book::acked);
        for (UErr error : said.getErrorList()) {
            Order order = book.isNew(error.getSeqnum()) ? orders.remove(error.getOriginseqnum()) : null;
            if (order != null) {
                refused(order, error.getErr());
            }
        }
        // Deliveries come before the arrivals and rests that follow from them.
        for (UDeliveryMade made : said.getDeliveredList()) {
            if (book.isNew(made.getSeqnum())) {
                fleet.delivered(made.getPackageid());
            }
        }
        List<UFinished> finished = new ArrayList<>(said.getCompletionsList());
        finished.sort(Comparator.comparingLong(UFinished::getSeqnum));
        for (UFinished one : finished) {
            if (book.isNew(one.getSeqnum())) {
                fleet.finished(one.getTruckid(), one.getStatus(), one.getX(), one.getY());
            }
        }
        for (UTruck truck : said.getTruckstatusList()) {
            if (book.isNew(truck.getSeqnum())) {
                fleet.status(truck.getTruckid(), truck.getStatus(), truck.getX(), truck.getY());
            }
        }
    }

    private void greeted(UConnected answer) {
        if (!answer.getResult().equals(CONNECTED)) {
            if (answer.getResult().startsWith(TRUCKS_KNOWN)) {
                withTrucks = false;
            } else if (id != null && ++refusals >= REFUSALS) {
                leave("it refuses us");
            }
            hangUp(answer.getResult().strip());
            return;
        }
        connected = true;
        withTrucks = false;
        refusals = 0;
        book.startOver();
        if (id == null || fleet.world() == null) {
            id = answer.getWorldid();
            fleet.entered(id);
        }
        fleet.askAfterAll();
    }

    private void refused(Order order, String text) {
        if (order.job != null) {
            fleet.refused(order.truck, order.job, text);
        } else if (text.startsWith("error: ")) {
            // It does not know our truck: the number of our world is another one's now.
            leave("it does not know truck " + order.truck.id);
            hangUp("another world");
        } else {
            query(order.truck);
        }
    }

    /** The world is gone; a new one is made. */
    private void leave(String reason) {
        Main.log("world " + id + " is lost: " + reason);
        id = null;
        withTrucks = true;
        refusals = 0;
        book.forget();
        orders.clear();
        fleet.forget();
    }

    void flush(long now) {
        if (!isUp() || !connected) {
            return;
        }
        UCommands.Builder command = UCommands.newBuilder();
        for (MessageLite element : book.due(now)) {
            if (element instanceof UGoPickup pickup) {
                command.addPickups(pickup);
            } else if (element instanceof UGoDeliver deliver) {
                command.addDeliveries(deliver);
            } else {
                command.addQueries((UQuery) element);
            }
        }
        command.addAllAcks(book.takeAcks());
        UCommands made = command.build();
        if (made.getSerializedSize() > 0) {
            send(made);
        }
    }
}
