//! The codes: one word for each way in which something comes to nothing, as records, metrics and errors have it.
//! `docs/errors.md` has a page for each of them, and a test holds the two together.

use std::fmt;

/// Writes the list once: its variants, their words, and all of them.
macro_rules! codes {
    ($($code:ident = $word:literal,)*) => {
        /// What happened, as one word of a closed list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each is named after its word, and docs/errors.md tells what it means")]
        pub enum Code {
            $($code,)*
        }

        impl Code {
            /// Every code there is, those that belong together beside each other.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// The word in records, metrics and errors.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$code => $word,)*
                }
            }
        }
    };
}

codes! {
    // Signing in at mana-auth.
    LoginRefused = "login-refused",
    LoginStopped = "login-stopped",
    LoginLocked = "login-locked",
    LoginLimited = "login-limited",
    LoginUnverified = "login-unverified",
    LoginFailed = "login-failed",
    LoginOtherUser = "login-other-user",
    LoginIncomplete = "login-incomplete",
    LoginNoCookie = "login-no-cookie",
    SignOutFailed = "sign-out-failed",
    SeedSecretEmpty = "seed-secret-empty",
    // Everything else that mana-auth is asked for.
    ManaUnreachable = "mana-unreachable",
    ManaNoAnswer = "mana-no-answer",
    ManaUnreadable = "mana-unreadable",
    ManaUnsendable = "mana-unsendable",
    ServiceKeyRefused = "service-key-refused",
    WrongPath = "wrong-path",
    DueFailed = "due-failed",
    DeliveryRefused = "delivery-refused",
    PersonaGone = "persona-gone",
    NoSpace = "no-space",
    SpaceRefused = "space-refused",
    SpaceFailed = "space-failed",
    VaultFailed = "vault-failed",
    AdminTokenRefused = "admin-token-refused",
    NotAnAdmin = "not-an-admin",
    CreateFailed = "create-failed",
    ListFailed = "list-failed",
    // The MCP server.
    McpUnreachable = "mcp-unreachable",
    McpDeadline = "mcp-deadline",
    McpTokenRefused = "mcp-token-refused",
    McpSpaceRefused = "mcp-space-refused",
    McpSessionLost = "mcp-session-lost",
    McpBusy = "mcp-busy",
    McpRefused = "mcp-refused",
    McpToolList = "mcp-tool-list",
    McpBroken = "mcp-broken",
    McpUnsendable = "mcp-unsendable",
    // Claude.
    ClaudeKeyRefused = "claude-key-refused",
    ClaudeBilling = "claude-billing",
    ClaudePermission = "claude-permission",
    ClaudeNotFound = "claude-not-found",
    ClaudeRequestTooLarge = "claude-request-too-large",
    ClaudeRequestRefused = "claude-request-refused",
    ClaudeRateLimit = "claude-rate-limit",
    ClaudeSpendLimit = "claude-spend-limit",
    ClaudeOverloaded = "claude-overloaded",
    ClaudeServerError = "claude-server-error",
    ClaudeReplyIncomplete = "claude-reply-incomplete",
    ClaudeSilent = "claude-silent",
    ClaudeNoContent = "claude-no-content",
    ClaudeUnreachable = "claude-unreachable",
    ClaudeUnreadable = "claude-unreadable",
    ClaudeAway = "claude-away",
    ClaudeStopping = "claude-stopping",
    ClaudeOptions = "claude-options",
    // A call of a plugin.
    PluginFailureSettings = "plugin-failure-settings",
    PluginFailureInput = "plugin-failure-input",
    PluginFailureOutput = "plugin-failure-output",
    PluginFailureSkip = "plugin-failure-skip",
    PluginFailureInternal = "plugin-failure-internal",
    PluginTrap = "plugin-trap",
    PluginOutOfFuel = "plugin-out-of-fuel",
    PluginOutOfTime = "plugin-out-of-time",
    PluginOutOfMemory = "plugin-out-of-memory",
    PluginTooMuchData = "plugin-too-much-data",
    PluginUnacceptable = "plugin-unacceptable",
    PluginDoesNotFit = "plugin-does-not-fit",
    PluginUnproven = "plugin-unproven",
    // The host's own, in a turn.
    NoStrategy = "no-strategy",
    NoPlugin = "no-plugin",
    SettingsRefused = "settings-refused",
    BuildGone = "build-gone",
    BuildUnavailable = "build-unavailable",
    BudgetExhausted = "budget-exhausted",
    Deadline = "deadline",
    Stopping = "stopping",
    Interrupted = "interrupted",
    NotRecorded = "not-recorded",
    JournalMisfit = "journal-misfit",
    Panic = "panic",
    // The ledger.
    Ledger = "ledger",
    LedgerRow = "ledger-row",
    LedgerAway = "ledger-away",
    LedgerUrl = "ledger-url",
    LedgerInUse = "ledger-in-use",
    LedgerMissing = "ledger-missing",
    LedgerNewer = "ledger-newer",
    LedgerOlder = "ledger-older",
    LedgerForeign = "ledger-foreign",
    NoSuchTurn = "no-such-turn",
    // A build of a plugin that is not let in, by how far it got.
    RefusedRead = "refused-read",
    RefusedTrust = "refused-trust",
    RefusedContract = "refused-contract",
    RefusedCompile = "refused-compile",
    RefusedLink = "refused-link",
    RefusedDescribe = "refused-describe",
    RefusedSettings = "refused-settings",
    RefusedSelfTest = "refused-self-test",
    RefusedReplay = "refused-replay",
    RefusedCanary = "refused-canary",
    // The configuration.
    ConfigUnreadable = "config-unreadable",
    ConfigSyntax = "config-syntax",
    ConfigValue = "config-value",
    ConfigSecretFile = "config-secret-file",
    ConfigTwice = "config-twice",
    ConfigNoStrategy = "config-no-strategy",
    ConfigNobody = "config-nobody",
    ConfigProduction = "config-production",
    ExperimentUnreadable = "experiment-unreadable",
    ExperimentUnusable = "experiment-unusable",
    ExperimentOtherPlan = "experiment-other-plan",
    // What is asked over HTTP.
    NoSuchRoute = "no-such-route",
    WrongMethod = "wrong-method",
    WrongName = "wrong-name",
    NotAllowed = "not-allowed",
    TooManyTokens = "too-many-tokens",
    TooManyReaders = "too-many-readers",
    BadPath = "bad-path",
    BadFilter = "bad-filter",
    UnknownFilter = "unknown-filter",
    BadBody = "bad-body",
    TooLarge = "too-large",
    NoSuchPlugin = "no-such-plugin",
    NoEarlierBuild = "no-earlier-build",
    NothingKeepsIt = "nothing-keeps-it",
    // Commands.
    Usage = "usage",
    OptionUnusable = "option-unusable",
    NoTerminal = "no-terminal",
    AnswerNo = "answer-no",
    Unexpected = "unexpected",
    Io = "io",
    HttpClient = "http-client",
    FileUnreadable = "file-unreadable",
    FileUnwritable = "file-unwritable",
    InputUnusable = "input-unusable",
    CatalogUnusable = "catalog-unusable",
    NoSuchCode = "no-such-code",
    NoSuchPersona = "no-such-persona",
    NotDue = "not-due",
    NoSuchStrategy = "no-such-strategy",
    KeysMissing = "keys-missing",
    AdminTokenMissing = "admin-token-missing",
    BudgetUnpriced = "budget-unpriced",
    BudgetNarrow = "budget-narrow",
    MistakesFound = "mistakes-found",
    VariableUnknown = "variable-unknown",
    TurnsFailed = "turns-failed",
    TickUnderWay = "tick-under-way",
    PortTaken = "port-taken",
    AddressUnusable = "address-unusable",
    StandInsFailed = "stand-ins-failed",
    // The persona-host that runs, asked by a command.
    DaemonUnreachable = "daemon-unreachable",
    DaemonOther = "daemon-other",
    DaemonTokenRefused = "daemon-token-refused",
    DaemonRefused = "daemon-refused",
    // An author's project, and the plugin in it.
    NoProject = "no-project",
    PluginName = "plugin-name",
    FolderOccupied = "folder-occupied",
    BuildFailed = "build-failed",
    PluginUnfit = "plugin-unfit",
    PluginWarning = "plugin-warning",
    PluginUnready = "plugin-unready",
    PluginEngine = "plugin-engine",
    NotAComponent = "not-a-component",
    CaseUnusable = "case-unusable",
    CasesFailed = "cases-failed",
    DemoNotStarted = "demo-not-started",
    // Turns of the past, and recordings.
    NothingToReplay = "nothing-to-replay",
    TurnNotOver = "turn-not-over",
    NotResumable = "not-resumable",
    StrategyGone = "strategy-gone",
    ReplayDiffers = "replay-differs",
    RecordingUnusable = "recording-unusable",
    RecordingDisk = "recording-disk",
    // Experiments, and rows from anywhere.
    ExperimentClosed = "experiment-closed",
    ExperimentConflict = "experiment-conflict",
    ArmUnplayable = "arm-unplayable",
    ArmsMixed = "arms-mixed",
    TooFewPersonas = "too-few-personas",
    NoSuchExperiment = "no-such-experiment",
    NoSuchPhase = "no-such-phase",
    NotComparable = "not-comparable",
    RowsUnusable = "rows-unusable",
    VerdictWorse = "verdict-worse",
    VerdictInconclusive = "verdict-inconclusive",
    VerdictUnhealthy = "verdict-unhealthy",
}

impl Code {
    /// The code of this word; none for one that is no code (any more).
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
