import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import minimart.partners.ups.AmazonUps.AUCommand;
import minimart.partners.ups.AmazonUps.Err;
import minimart.partners.ups.AmazonUps.UACommand;
import minimart.partners.ups.AmazonUps.UADelivered;
import minimart.partners.ups.AmazonUps.UALoadRequest;
import minimart.partners.ups.AmazonUps.UAstart;

/** A UPS server's two halves, as Java writes them: `echo` reads what we send and sends it back, `tell N` speaks first. */
public final class Peer {
    public static void main(String[] arguments) throws IOException {
        OutputStream out = new BufferedOutputStream(System.out);
        if (arguments[0].equals("echo")) {
            InputStream in = new BufferedInputStream(System.in);
            for (AUCommand command; (command = AUCommand.parseDelimitedFrom(in)) != null; ) {
                command.writeDelimitedTo(out);
            }
        } else {
            tell(Integer.parseInt(arguments[1]), out);
        }
        out.flush();
    }

    private static void tell(int count, OutputStream out) throws IOException {
        UAstart.newBuilder().setWorldid(Long.MAX_VALUE).setSeqnum(1).build().writeDelimitedTo(out);
        for (long i = 0; i < count; i++) {
            UACommand.newBuilder()
                    .addLoadRequests(
                            UALoadRequest.newBuilder().setSeqNum(i).setTruckId((int) -i).setShipId(i << 40))
                    .addDelivered(UADelivered.newBuilder().setSeqNum(i + 1).setShipId(-i))
                    .addAcks(i)
                    .addAcks(Long.MIN_VALUE)
                    .addError(Err.newBuilder().setErr("é".repeat((int) (i % 200))).setOriginSeqNum(i).setSeqNum(i + 2))
                    .build()
                    .writeDelimitedTo(out);
        }
    }
}
