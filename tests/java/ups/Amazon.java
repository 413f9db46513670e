package ups;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import java.net.InetSocketAddress;
import java.util.TreeMap;
import minimart.partners.ups.AmazonUps.AUCommand;
import minimart.partners.ups.AmazonUps.AUDeliverRequest;
import minimart.partners.ups.AmazonUps.AUPickupRequest;
import minimart.partners.ups.AmazonUps.Err;
import minimart.partners.ups.AmazonUps.UACommand;
import minimart.partners.ups.AmazonUps.UADelivered;
import minimart.partners.ups.AmazonUps.UALoadRequest;
import minimart.partners.ups.AmazonUps.UAstart;

/** The link to Amazon: announces the world, hears requests, says what happened until it is acked. */
final class Amazon extends Link {
    private final Book<MessageLite> book;
    private final long tick;
    private UAstart announcement;
    private long startAgainAt;
    Fleet fleet;

    Amazon(InetSocketAddress address, Loop loop, long tick) {
        super("amazon", address, loop, Math.min(tick, 1000));
        this.tick = tick;
        this.book = new Book<>(tick);
    }

    /** We are in this world now (4.1, 8.3). */
    void announce(long world) {
        announcement = UAstart.newBuilder().setWorldid(world).setSeqnum(book.number()).build();
        startAgainAt = Loop.now();
        start();
    }

    void load(Job job) {
        int truck = job.truck.id;
        book.add(number -> UALoadRequest.newBuilder().setSeqNum(number).setTruckId(truck).setShipId(job.ship).build());
    }

    void delivered(long ship) {
        book.add(number -> UADelivered.newBuilder().setSeqNum(number).setShipId(ship).build());
    }

    void error(String text, long origin) {
        book.add(number -> Err.newBuilder().setErr(text).setOriginSeqNum(origin).setSeqNum(number).build());
    }

    @Override
    void opened() {
        startAgainAt = Loop.now();
        book.startOver();
    }

    @Override
    void closed() {}

    @Override
    void received(byte[] body) throws InvalidProtocolBufferException {
        AUCommand command = AUCommand.parseFrom(body);
        for (long number : command.getAcksList()) {
            if (announcement != null && number == announcement.getSeqnum()) {
                startAgainAt = Long.MAX_VALUE;
            } else if (book.acked(number) instanceof UADelivered told) {
                fleet.told(told.getShipId());
            }
        }
        // As if they had come in the order of their numbers (3.3).
        TreeMap<Long, Runnable> wanted = new TreeMap<>();
        for (AUPickupRequest request : command.getPickupRequestsList()) {
            if (book.isNew(request.getSeqNum())) {
                wanted.put(request.getSeqNum(), () -> fleet.pickupWanted(request));
            }
        }
        for (AUDeliverRequest request : command.getDeliverRequestsList()) {
            if (book.isNew(request.getSeqNum())) {
                wanted.put(request.getSeqNum(), () -> fleet.deliverWanted(request.getShipId(), request.getSeqNum()));
            }
        }
        for (Err error : command.getErrorList()) {
            if (book.isNew(error.getSeqNum())) {
                wanted.put(error.getSeqNum(), () -> Main.log("amazon says: " + error.getErr()));
            }
        }
        wanted.values().forEach(Runnable::run);
    }

    /** Sends all that is due: the world first, then everything in one message. */
    void flush(long now) {
        if (!isUp() || announcement == null) {
            return;
        }
        if (now >= startAgainAt) {
            startAgainAt = now + tick;
            send(announcement);
        }
        UACommand.Builder command = UACommand.newBuilder();
        for (MessageLite element : book.due(now)) {
            if (element instanceof UALoadRequest load) {
                command.addLoadRequests(load);
            } else if (element instanceof UADelivered delivered) {
                command.addDelivered(delivered);
            } else {
                command.addError((Err) element);
            }
        }
        command.addAllAcks(book.takeAcks());
        UACommand made = command.build();
        if (made.getSerializedSize() > 0) {
            send(made);
        }
    }
}
