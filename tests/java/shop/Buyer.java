package shop;

import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import minimart.shop.orders.v1.Address;
import minimart.shop.orders.v1.Order;
import minimart.shop.orders.v1.OrderItem;
import minimart.shop.orders.v1.OrderStatus;
import minimart.shop.orders.v1.OrdersServiceGrpc;
import minimart.shop.orders.v1.OrdersServiceGrpc.OrdersServiceBlockingStub;
import minimart.shop.orders.v1.PlaceOrderRequest;
import minimart.shop.orders.v1.Shipment;
import minimart.shop.orders.v1.ShipmentStep;
import minimart.shop.orders.v1.WatchOrderRequest;

/**
 * Places an order over gRPC and watches it until it has ended.
 *
 * <p>Rules: the request_id is made once, so that whatever gets no answer can be sent again and is still one order; who is
 * cut off while watching watches again, since each message holds the whole order. Exit code 0: delivered; 1: not; 2: wrong
 * arguments.
 */
public final class Buyer {
    private static final String USAGE =
            "usage: Buyer --orders HOST:PORT --tokens FILE --user ID --offer ID --quantity N --to X,Y [--seconds N]";
    /** UNKNOWN is what grpc-java says of a connection that closed while a call began on it; the service never does. */
    private static final Set<Status.Code> SEND_AGAIN =
            Set.of(Status.Code.UNAVAILABLE, Status.Code.DEADLINE_EXCEEDED, Status.Code.ABORTED, Status.Code.UNKNOWN);
    private static final Set<OrderStatus> ENDED = Set.of(
            OrderStatus.ORDER_STATUS_DELIVERED,
            OrderStatus.ORDER_STATUS_CANCELLED,
            OrderStatus.ORDER_STATUS_NEEDS_ATTENTION);
    private static final int CALL_SECONDS = 5;
    private static final long PAUSE_MILLIS = 200;

    private final OrdersServiceBlockingStub orders;
    private final long giveUpAt;
    private int stepsTold;

    private Buyer(OrdersServiceBlockingStub orders, long seconds) {
        this.orders = orders;
        this.giveUpAt = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    }

    /** Runs the command line. */
    public static void main(String[] arguments) throws InterruptedException {
        ManagedChannel channel = null;
        try {
            Map<String, String> given = options(arguments);
            String[] place = given.get("to").split(",");
            PlaceOrderRequest request = PlaceOrderRequest.newBuilder()
                    .setRequestId(UUID.randomUUID().toString())
                    .addItems(OrderItem.newBuilder()
                            .setOfferId(Long.parseLong(given.get("offer")))
                            .setQuantity(Integer.parseInt(given.get("quantity"))))
                    .setDestination(Address.newBuilder()
                            .setX(Integer.parseInt(place[0]))
                            .setY(Integer.parseInt(place[1])))
                    .build();
            channel = NettyChannelBuilder.forTarget(given.get("orders")).usePlaintext().build();
            OrdersServiceBlockingStub stub = OrdersServiceGrpc.newBlockingStub(channel)
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(
                            identity(Path.of(given.get("tokens")), given.get("user"))));
            Buyer buyer = new Buyer(stub, Long.parseLong(given.get("seconds")));
            Order order = buyer.watch(buyer.place(request));
            System.exit(order.getStatus() == OrderStatus.ORDER_STATUS_DELIVERED ? 0 : 1);
        } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException error) {
            System.err.println(USAGE);
            System.exit(2);
        } catch (StatusRuntimeException error) {
            System.err.println("Buyer: " + error.getStatus().getCode() + ": " + error.getStatus().getDescription());
            System.exit(1);
        } catch (IOException error) {
            System.err.println("Buyer: " + error.getMessage());
            System.exit(2);
        } finally {
            if (channel != null) {
                channel.shutdownNow();
            }
        }
    }

    /** Places the order; gives its id. The same request goes out again as long as nobody says yes or no. */
    private long place(PlaceOrderRequest request) throws InterruptedException {
        while (true) {
            try {
                var placed = orders.withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS).placeOrder(request);
                say("order " + placed.getOrderId() + " is accepted, " + placed.getTotalCents() + " cents");
                return placed.getOrderId();
            } catch (StatusRuntimeException error) {
                pauseOrThrow(error);
            }
        }
    }

    /** Tells each step of an order; gives it as it is at its end. */
    private Order watch(long orderId) throws InterruptedException {
        WatchOrderRequest request = WatchOrderRequest.newBuilder().setOrderId(orderId).build();
        while (true) {
            try {
                var answers = orders.withDeadlineAfter(giveUpAt - System.nanoTime(), TimeUnit.NANOSECONDS)
                        .watchOrder(request);
                Order order = Order.getDefaultInstance();
                while (answers.hasNext()) {
                    order = answers.next().getOrder();
                    tell(order);
                }
                if (ENDED.contains(order.getStatus())) {
                    return order;
                }
            } catch (StatusRuntimeException error) {
                pauseOrThrow(error);
            }
        }
    }

    private void tell(Order order) {
        int seen = 0;
        for (Shipment parcel : order.getShipmentsList()) {
            for (ShipmentStep step : parcel.getHistoryList()) {
                if (++seen > stepsTold) {
                    say("parcel " + parcel.getShipmentId() + ": " + step.getWhat());
                }
            }
        }
        stepsTold = Math.max(stepsTold, seen);
        if (ENDED.contains(order.getStatus())) {
            say("order " + order.getOrderId() + " is "
                    + order.getStatus().name().substring("ORDER_STATUS_".length()));
        }
    }

    private void pauseOrThrow(StatusRuntimeException error) throws InterruptedException {
        if (!SEND_AGAIN.contains(error.getStatus().getCode()) || System.nanoTime() > giveUpAt) {
            throw error;
        }
        Thread.sleep(PAUSE_MILLIS);
    }

    /** Which service calls, and for whom: what every call carries. */
    private static Metadata identity(Path tokens, String user) throws IOException {
        String token = Files.readAllLines(tokens).stream()
                .map(line -> line.split(" "))
                .filter(words -> words[0].equals("cli"))
                .map(words -> words[1])
                .findFirst()
                .orElseThrow(() -> new IOException("no token for cli in " + tokens));
        Metadata metadata = new Metadata();
        metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
        metadata.put(Metadata.Key.of("x-acting-user", Metadata.ASCII_STRING_MARSHALLER), user);
        return metadata;
    }

    private static Map<String, String> options(String[] arguments) {
        Map<String, String> given = new TreeMap<>(Map.of("seconds", "60"));
        for (int at = 0; at < arguments.length; at += 2) {
            given.put(arguments[at].replaceFirst("^--", ""), arguments[at + 1]);
        }
        if (!given.keySet().equals(Set.of("orders", "tokens", "user", "offer", "quantity", "to", "seconds"))) {
            throw new IllegalArgumentException("options");
        }
        return given;
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
