package ups;

/** One truck; x and y are where it was last heard of. It serves one job at a time. */
final class Truck {
    final int id;
    int x;
    int y;
    /** What it does; null: nothing. */
    Job job;
    /** Whether it stands still, if it has no job: after a restart that has to be asked. */
    boolean known = true;
    long askAt;
    /** The numbers of its last order and of its last query. */
    long order;
    long query;

    Truck(int id, int x, int y) {
        this.id = id;
        this.x = x;
        this.y = y;
    }

    boolean isFree() {
        return job == null && known;
    }
}
