import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An application with HikariCP and pgjdbc, to be watched. Its sockets are IPv6 ones with mapped IPv4 addresses.
 *
 *   PoolService.java healthy|leaky URL [scale] [max]
 *
 * URL is one of JDBC. `leaky` takes a connection every ten seconds and does not close it, from the 25th second on. It prints what
 * `test/apps/node/service.ts` calls `Said`.
 */
public class PoolService {
    static final int USERS = 3;
    static final double LEAK_FROM = 25, LEAK_EVERY = 10, BURST_EVERY = 12;
    static final AtomicInteger served = new AtomicInteger(), failed = new AtomicInteger(), leaked = new AtomicInteger();
    static final List<Connection> kept = new ArrayList<>();
    static HikariDataSource pool;

    public static void main(String[] args) throws Exception {
        boolean leaky = args[0].equals("leaky");
        double scale = args.length > 2 ? Double.parseDouble(args[2]) : 1;
        int max = args.length > 3 ? Integer.parseInt(args[3]) : 20;
        String name = "java-" + args[0];
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(args[1] + (args[1].contains("?") ? "&" : "?") + "ApplicationName=" + name);
        config.setMaximumPoolSize(max);
        config.setMinimumIdle(2);
        config.setIdleTimeout(10_000);
        pool = new HikariDataSource(config);
        for (int i = 0; i < USERS; i++) start(() -> user());
        start(() -> bursts(scale));
        if (leaky) start(() -> leak(scale));
        report(name, max);
    }

    static void user() throws Exception {
        for (;;) {
            request(0.03);
            Thread.sleep(50);
        }
    }

    static void bursts(double scale) throws Exception {
        for (int size = 2; ; size = size % 8 + 3) {
            sleep(BURST_EVERY * scale);
            for (int i = 0; i < size; i++) start(() -> request(0.3));
        }
    }

    static void leak(double scale) throws Exception {
        for (sleep(LEAK_FROM * scale); ; sleep(LEAK_EVERY * scale)) {
            try {
                Connection connection = pool.getConnection();
                kept.add(connection);
                connection.createStatement().execute("SELECT 1");
                leaked.incrementAndGet();
            } catch (SQLException e) {
                failed.incrementAndGet();
            }
        }
    }

    static void request(double seconds) {
        try (Connection connection = pool.getConnection()) {
            connection.createStatement().execute("SELECT pg_sleep(" + seconds + ")");
            served.incrementAndGet();
        } catch (SQLException e) {
            failed.incrementAndGet();
        }
    }

    static void report(String name, int max) throws Exception {
        String last = "";
        long saidAt = 0;
        for (;; Thread.sleep(20)) {
            var figures = pool.getHikariPoolMXBean();
            int total = figures.getTotalConnections();
            String now = total + " " + leaked;
            if (now.equals(last) && System.nanoTime() - saidAt < 1_000_000_000L) continue;
            last = now;
            saidAt = System.nanoTime();
            System.out.printf(Locale.ROOT,
                "{\"t\":%d,\"ready\":\"%s\",\"total\":%d,\"idle\":%d,\"waiting\":%d,\"held\":%d,\"redis\":0,\"leaked\":%d,\"max\":%d,\"served\":%d,\"failed\":%d}%n",
                System.currentTimeMillis(), name, total, figures.getIdleConnections(), figures.getThreadsAwaitingConnection(), total,
                leaked.get(), max, served.get(), failed.get());
        }
    }

    interface Work {
        void run() throws Exception;
    }

    static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Exception e) {
                e.printStackTrace();
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    static void sleep(double seconds) throws InterruptedException {
        Thread.sleep((long) (seconds * 1000));
    }
}
