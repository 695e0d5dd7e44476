import java.io.FileInputStream;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Verifies a chain, leaf first, against a root, as Java's PKIX does: java Verify.java ROOT CHAIN. Fails with its reason. */
public class Verify {
    public static void main(String[] arguments) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        X509Certificate root = (X509Certificate) factory.generateCertificate(new FileInputStream(arguments[0]));
        List<X509Certificate> chain = new ArrayList<>();
        for (var certificate : factory.generateCertificates(new FileInputStream(arguments[1]))) {
            if (!certificate.equals(root)) {
                chain.add((X509Certificate) certificate);
            }
        }
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        parameters.setRevocationEnabled(false);
        CertPathValidator.getInstance("PKIX").validate(factory.generateCertPath(chain), parameters);
    }
}
