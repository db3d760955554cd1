//! The codes of what a doctor finds. Each is used somewhere below and has a paragraph in `docs/doctor.md`; a
//! test compares the three. A code that was once published keeps its meaning.

use crate::policy::diagnostic::codes::codes;

// E00xx what is looked at · E01xx the filter · E02xx paths and hosts · E03xx who is asking · E04xx routes ·
// E05xx the call · E10xx manifests · E11xx policies · E12xx probes · E13xx resources · E14xx order and end ·
// E15xx privileges · E16xx sockets and listeners.
codes! {
    NOT_ENVOY = "E0001", "no configuration of Envoy";
    ELSEWHERE = "E0002", "listeners or routes that come from elsewhere";
    OLD_ENVOY = "E0003", "an Envoy with known holes";
    ADMIN_OPEN = "E0004", "an admin page that others reach";

    NOBODY_ASKED = "E0101", "requests that nobody judges";
    FAILS_OPEN = "E0102", "a filter that fails open";
    LOOKS_LIKE_DENIAL = "E0103", "a failure that looks like a denial";
    ONLY_WATCHES = "E0104", "a filter that only watches";
    OFF_BY_DEFAULT = "E0105", "a filter that is off unless a route turns it on";
    SOME_REQUESTS = "E0106", "a filter that is asked about some requests only";
    SWITCHED_OFF = "E0107", "a filter that can be switched off at run time";
    ROUTE_CHANGES = "E0108", "a route that may change after the decision";
    ANSWERED_BEFORE = "E0109", "an answer before the decision";
    CHANGED_AFTER = "E0110", "a request that is changed after the decision";
    TOKEN_TAKEN = "E0111", "a token that is taken away before the decision";
    CREDENTIAL_WITHHELD = "E0112", "a credential that is not passed on";
    MUTATIONS_UNCHECKED = "E0113", "an answer that is not checked";
    IDENTITY_BLOCKED = "E0114", "identity headers that are not let through";
    BODY_TOO_LARGE = "E0115", "a body larger than a question may be";

    NOT_NORMALIZED = "E0201", "paths that are not normalized";
    SLASHES_NOT_MERGED = "E0202", "slashes that are not merged";
    ESCAPED_SLASHES = "E0203", "escaped slashes that are let through";
    HOST_SPELLINGS = "E0204", "a host that has two names";

    UNDERSCORES = "E0301", "headers that applications take for one another";
    IDENTITY_FROM_CLIENT = "E0302", "identity headers from clients on an exempt route";
    CLIENT_UNKNOWN = "E0303", "a client's address that anyone may claim";
    CERTIFICATE_UNCHECKED = "E0304", "a client certificate that nobody checked";

    EXEMPT_PREFIX = "E0401", "an exemption for more than one path";
    WRONG_FILTER_NAME = "E0402", "settings of a route for a filter that is not there";
    UPGRADE_BESIDE = "E0403", "an upgrade that goes another way";

    GIVES_UP_EARLY = "E0501", "a timeout as short as a decision may take";
    GIVES_UP_LATE = "E0502", "a timeout that holds clients for long";
    TRY_CUT_SHORT = "E0503", "a back-off that cuts tries short";
    RETRY_TOO_LATE = "E0504", "a retry that never comes";
    NOT_HTTP2 = "E0505", "gRPC to a cluster without HTTP/2";
    IN_THE_CLEAR = "E0506", "tokens in the clear over a network";

    NO_SIDECAR = "E1001", "manifests without Portcullis";

    NEVER_UPDATED = "E1101", "a policy that never changes";
    MAY_FAIL_OPEN = "E1102", "answers that let Envoy fail open";

    PROBE_UNREACHABLE = "E1201", "a probe that reaches nothing";
    PROBE_PAGE = "E1202", "a probe of a page that is not there";
    PROBE_NEEDS_SHELL = "E1203", "a probe with a program that is not there";
    NOT_AWAITED = "E1204", "a sidecar that nobody waits for";
    RESTARTED_FOR_OTHERS = "E1205", "a restart for what others did";
    NEVER_READY = "E1206", "requests before there is a policy";

    NO_MEMORY_LIMIT = "E1301", "memory without a limit";
    MEMORY_TOO_SMALL = "E1302", "a memory limit that the cache alone fills";
    CPU_LIMIT = "E1303", "a limit of processor time";
    NO_REQUESTS = "E1304", "resources that nobody asked for";

    AFTER_ENVOY = "E1401", "Portcullis after Envoy";
    NEVER_ENDS = "E1402", "an init container that never ends";
    ENDS_WITH_ENVOY = "E1403", "a sidecar that ends while Envoy asks";
    GRACE_TOO_SHORT = "E1404", "a grace period shorter than the end takes";

    MAY_BE_ROOT = "E1501", "a container that may be root";
    WRITABLE = "E1502", "a root file system that can be written";
    PRIVILEGES = "E1503", "privileges that nobody needs";
    SECCOMP = "E1504", "system calls without a filter";

    SOCKET_NOT_SHARED = "E1601", "a socket that Envoy does not see";
    SOCKET_CLOSED = "E1602", "a socket that Envoy may not open";
    SOCKET_PATH = "E1603", "a socket whose path is too long";
    ADMIN_LISTENER_OPEN = "E1604", "an admin listener that others reach";
    LISTENER_IN_THE_CLEAR = "E1605", "questions in the clear over a network";
}
