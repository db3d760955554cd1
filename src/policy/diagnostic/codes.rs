//! The codes of all diagnostics. Each is used somewhere in `src/` and has a paragraph in
//! `docs/diagnostics.md`; a test compares the three. A code that was once published keeps its meaning.

/// A code, its name in this file, and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The constant's name.
    pub constant: &'static str,
    /// `P0102`.
    pub code: &'static str,
    /// A few words, the heading of its paragraph.
    pub title: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $code:literal, $title:literal;)*) => {
        $(#[doc = $title] pub const $constant: &str = $code;)*

        /// Every code, in ascending order.
        pub const ALL: &[$crate::policy::diagnostic::codes::Code] = &[$(
            $crate::policy::diagnostic::codes::Code {
                constant: stringify!($constant),
                code: $code,
                title: $title,
            }
        ),*];
    };
}

pub(crate) use codes;

// P00xx files and YAML · P01xx shapes · P02xx names and references · P03xx matches ·
// P04xx requirements and conditions · P05xx issuers and tokens · P06xx answers and upstream ·
// P07xx tests ·
// P1xxx lints, which are warnings.
codes! {
    UNREADABLE_FILE = "P0001", "a file cannot be read";
    NOT_UTF8 = "P0002", "a file is not UTF-8";
    TOO_LARGE = "P0003", "too many bytes";
    TOO_MANY_NODES = "P0004", "too many values";
    TOO_DEEP = "P0005", "nested too deeply";
    TOO_MANY_ALIASES = "P0006", "too many aliases";
    TAB = "P0007", "a tab where spaces are needed";
    INDENTATION = "P0008", "the indentation does not fit";
    SYNTAX = "P0009", "not YAML";
    UNCLOSED = "P0010", "a quote or bracket is not closed";
    SEVERAL_DOCUMENTS = "P0011", "several documents in one file";
    DUPLICATE_KEY = "P0012", "a key is written twice";
    MERGE_KEY = "P0013", "a merge key";
    TAG = "P0014", "a tag that is not known";
    UNKNOWN_ANCHOR = "P0015", "an alias without its anchor";
    KEY_IS_NO_SCALAR = "P0016", "a key that is not a word";
    NUMBER_TOO_LARGE = "P0017", "a number that does not fit";
    EMPTY_FILE = "P0018", "an empty file";
    NO_FILES = "P0019", "no policy files";

    UNKNOWN_VERSION = "P0101", "the version is missing or unknown";
    UNKNOWN_KEY = "P0102", "an unknown key";
    WRONG_TYPE = "P0103", "another kind of value is meant";
    QUOTE_IT = "P0104", "a number or truth value where a text is meant";
    EMPTY = "P0105", "something empty";
    MISSING_KEY = "P0106", "a required key is missing";
    UNKNOWN_WORD = "P0107", "none of the words known here";
    TWICE_IN_LIST = "P0111", "a value twice in one list";
    PATHS_OF_SET = "P0112", "a path option that is for the whole set";

    NAME_TWICE = "P0201", "a name defined twice";
    SECTION_TWICE = "P0202", "a section that stands once in the set is there twice";
    RESERVED_NAME = "P0203", "a reserved name";
    UNKNOWN_ISSUER = "P0204", "an issuer that is not there";
    UNKNOWN_GUARD = "P0205", "a guard that is not there";
    UNKNOWN_REQUIREMENT = "P0206", "a requirement that is not there";
    CYCLE = "P0207", "requirements that use each other in a circle";
    ANY_BESIDE_OTHERS = "P0208", "`any` beside other guards";
    GUARD_MISSING = "P0209", "a rule that asks for a caller and names no guard";
    NO_ISSUER = "P0210", "a rule that asks for a caller in a set without issuers";

    MATCH_TEXT = "P0301", "a match that is none";
    METHOD = "P0302", "a method that no request has";
    HOST_PATTERN = "P0303", "a host that no request has";
    PATH_TEMPLATE = "P0304", "a path that no request has";
    REGEX = "P0305", "a broken regular expression";
    GRPC_MATCH = "P0306", "a gRPC match that cannot be read";
    ROUTES_OVERLAP = "P0307", "two routes of equal rank for one request";
    REGEX_BEATEN = "P0308", "a route by regular expression that is never reached";
    TOKEN_IN_ROUTE_MATCH = "P0309", "a token condition in the match of a route";
    TOKEN_IN_EXCEPT = "P0310", "a token condition in the hole of a fence";
    HOLE_TOO_WIDE = "P0311", "a hole as wide as its fence";

    ALLOW_OR_REQUIRE = "P0401", "a route that does not say exactly one of `allow` and `require`";
    TOKEN_CONTRADICTION = "P0402", "a token setting that contradicts what is asked";
    CAPTURE_TEXT = "P0403", "a text whose braces cannot be read";
    UNKNOWN_CAPTURE = "P0404", "a capture that is not made here";
    CAPTURE_PLACE = "P0405", "a capture where none can stand";
    MATCHER_OPERAND = "P0406", "a matcher with the wrong kind of value";
    TYPED_OPERAND = "P0407", "a number or truth value compared with a header or query value";
    IGNORE_CASE = "P0408", "`ignore_case` beside a matcher that is not about text";
    SEVERAL_MATCHERS = "P0409", "several matchers for one value";
    CIDR = "P0410", "a network that is none";
    PRINCIPAL = "P0411", "an identity that cannot be read";
    HEADER_NAME = "P0412", "a header name that is none";
    CLIENT_ADDRESS = "P0413", "a client address that cannot be found";
    TOO_MANY_CHECKS = "P0414", "named requirements that add up to too much";
    CONDITION = "P0415", "a condition that cannot be used";

    ISS_TWICE = "P0501", "an `iss` value of two issuers";
    NONE_BESIDE_OTHERS = "P0502", "`none` beside other `iss` values";
    UNKNOWN_ALGORITHM = "P0503", "an algorithm that is not known";
    AUDIENCES = "P0504", "audiences that are no list";
    KEY_SOURCE = "P0505", "an entry of `keys` that does not name exactly one source";
    HMAC_NOT_LISTED = "P0506", "a secret without an HMAC algorithm";
    URL = "P0507", "a URL that cannot be used";
    PLAIN_HTTP = "P0508", "keys over plain http";
    DISCOVERY = "P0509", "metadata that cannot be found";
    UNKNOWN_PRESET = "P0511", "a preset that is not known";
    CLIENT_WITHOUT_KEYCLOAK = "P0512", "a client without the keycloak preset";
    CLAIM_PATH = "P0513", "a claim path that cannot be read";
    TOKEN_PLACE = "P0514", "a place where no token can stand";
    PLACE_TWICE = "P0515", "a place written twice";
    DURATION = "P0516", "a duration that cannot be read";
    SIZE = "P0517", "a size that cannot be read";
    NAMELESS_ISSUERS = "P0518", "more issuers without `iss` than can be told apart";
    KEYS_UNUSABLE = "P0519", "keys in the policy that cannot be used";
    NAMELESS_WITH_ONE_KEY = "P0520", "one key of two issuers without `iss`";
    PASSPORT_WITH_ISS = "P0521", "the passport preset for tokens that carry an `iss`";

    UPSTREAM_NAME = "P0601", "a header for the upstream that can have no such name";
    UPSTREAM_HEADER = "P0602", "a header that cannot be set or removed";
    SET_AND_REMOVED = "P0603", "a header both set and removed";
    SET_TWICE = "P0604", "a header set twice";
    UPSTREAM_VALUE = "P0605", "a value that cannot stand in a header";
    UPSTREAM_PLACEHOLDER = "P0606", "a placeholder that is not known";
    UPSTREAM_CAPTURE = "P0607", "a capture that the route does not make";
    UPSTREAM_CLAIM = "P0608", "a placeholder that names no claim";
    DROPS_NOTHING = "P0609", "a null that drops no default";
    STATUS = "P0620", "no status of a denial";
    ANSWER_NAME = "P0621", "a header of an answer that can have no such name";
    ANSWER_HEADER = "P0622", "a header that cannot be part of an answer";
    ANSWER_VALUE = "P0623", "a value that cannot stand in an answer";
    ANSWER_TWICE = "P0624", "a header of an answer given twice";
    ANSWER_PLACEHOLDER = "P0626", "a placeholder that no body has";
    CHALLENGE = "P0627", "what cannot stand in a challenge";
    BODY_BESIDE_EMPTY = "P0628", "a body beside `format: empty`";
    DECISION_ID_HEADER = "P0629", "a header with another meaning";

    TEST_SHAPE = "P0701", "a test that cannot be read";
    UNKNOWN_TOKEN = "P0702", "a test token that is not there";
    UNKNOWN_REASON = "P0703", "a reason that does not exist";
    MATRIX_ROW = "P0704", "a matrix row of the wrong length";
    TEST_FILE = "P0705", "a file of a test that cannot be used";
    UNKNOWN_RULE = "P0706", "an expected rule that is not there";

    ROUTE_NEVER_REACHED = "P1001", "a route that is never reached";
    NEVER_HOLDS = "P1002", "a requirement that never holds";
    LOOSENS = "P1003", "a route that asks less than a wider one";
    GUARDS_NOT_APART = "P1004", "guards that share tokens, used as if apart";
    WEAKER_ELSEWHERE = "P1005", "a weaker route for other methods or hosts of one path";
    METHOD_IN_BODY = "P1006", "a method that a POST could ask for in its body";
    NOT_OVER_MISSING = "P1007", "a `not` that holds where the claim is missing";
    COOKIE_WITHOUT_ORIGIN = "P1008", "a cookie token on unsafe methods without a look at Origin";
    NEVER_USED = "P1009", "something that is never used";
    ANY_AUDIENCE = "P1010", "an issuer whose audience is not checked";
    PATH_OPT_OUT = "P1011", "paths that two parties may read differently are let through";
    OPEN_BELOW_PROTECTED = "P1012", "an open route below a protected one";
    CONSTANT_CONDITION = "P1013", "a condition that is always the same";
    SECRET_LIKE_A_KEY = "P1014", "a secret that may be a public key";
    SHADOW_WITHOUT_FALLBACK = "P1015", "a shadow without an equal that enforces";
    LOOSENS_NOTHING = "P1016", "`loosens` where nothing is loosened";
    KEY_LEFT_OUT = "P1017", "a key in the policy that is left out";
    UNKNOWN_METHOD = "P1018", "a method that nobody sends";
    FOREIGN_TEMPLATE = "P1019", "a capture as another program writes it";
    FENCE_WITHOUT_ROUTES = "P1020", "a fence where no route answers";
    STAR_OF_FENCE = "P1021", "a fence whose star stands for less than it seems";
    NOT_ALL_OF_SEVERAL = "P1022", "a `not` that holds unless all of several things hold";
    WEAKER_AROUND_CONDITION = "P1023", "a weaker route for whoever sends what should be absent";
}
