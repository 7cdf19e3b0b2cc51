//! The workspace. English; dense but quiet. Each page is an owned model with
//! `html(self, shell: &StaffShell) -> String`.

mod api_keys;
mod audit;
pub mod billing_terms;
mod canned_replies;
pub mod claim_words;
mod confirm_list;
mod connections;
mod conversation;
mod dashboard;
pub mod decision_words;
mod door;
mod encounters;
mod failed_message;
mod filter_fields;
mod find_payment;
pub mod follow_ups;
mod health;
mod imports;
pub mod inbox;
mod invitation;
mod jobs;
mod me;
mod message_rows;
pub mod message_words;
mod notification_history;
mod numbers;
mod outlook;
mod patient_record;
mod patients;
mod payment;
mod payment_history;
mod payment_words;
mod people;
mod problem;
pub mod profiles;
mod record_agreed;
mod record_contacts;
mod record_steps;
mod record_timeline;
mod record_why;
mod refund_payment;
mod replies;
pub mod reports;
mod rule_words;
mod rules;
mod select_criteria;
mod settings;
mod setup;
mod shell;
mod sign_in;
mod statements_sent;
mod template_editor;
pub mod template_words;
mod templates;
mod work_list;

pub use api_keys::{ApiKeyLine, ApiKeys};
pub use audit::{Audit, AuditLine};
pub use canned_replies::{CannedLine, CannedReplies};
pub use confirm_list::{ConfirmPatientList, Departure, ListedAccount, Selected, departures};
pub use connections::{ConnectionLine, Connections, Vendor};
pub use conversation::{Candidate, ConversationPage, SaidLine, Understood};
pub use dashboard::{Dashboard, Notifications, Waiting};
pub use door::DoorNotice;
pub use encounters::{
    AGES as ENCOUNTER_AGES, EncounterLine, Encounters, ORDER as ENCOUNTER_ORDER,
    STATUSES as ENCOUNTER_STATUSES,
};
pub use failed_message::{Handling, HandlingRights, WayInstead, handled_words};
pub use filter_fields::{FilterFields, TRAITS};
pub use find_payment::{
    ExactMatch, ExactMatches, FindPayment, PAYMENT_ORDER, PAYMENT_STATUSES, PaymentRow, VisitLabel,
};
pub use follow_ups::{FollowUpPage, FollowUpRow, FollowUps};
pub use health::{Check, Colour, Health};
pub use imports::{DifferenceLine, ImportLine, ImportPage, Imports, RefusedLine, UploadForm};
pub use inbox::{ConversationLine, Inbox, NewConversation, Shown};
pub use invitation::{
    AcceptInvitation, DeadInvitation, Enrolment, FirstAccount, OpenSetup, RecoveryCodes,
};
pub use jobs::{JobLine, JobQuestion, JobState, JobView, Jobs};
pub use me::Me;
pub use message_rows::{Handled, MessageRow};
pub use notification_history::{MessagePage, NotificationHistory};
pub use numbers::{BuyNumber, NumberOffer, Numbers, OwnNumber};
pub use outlook::{Outlook, OutlookSums, outlook};
pub use patient_record::{
    PatientRecord, RecordClaim, RecordHead, RecordHold, RecordIdentity, RecordNote, RecordPatient,
    RecordReply, RecordRights,
};
pub use patients::{FoundAccount, Patients, SearchedBy};
pub use payment::{LineError, MatchLine, PaymentPage, PaymentRights, Refused};
pub use payment_history::{AttemptLine, MoneyEvent, MoneyMove, RefundLine};
pub use people::{InvitationMade, InviteForm, People, Person, PersonPage, ROLES, Standing};
pub use problem::StaffProblem;
pub use profiles::{
    ProfileForm, ProfileLine, ProfileProof, ProfileQuestion, ProfileState, Profiles, ProofStep,
    SegmentLine, Segments, StepFields,
};
pub use record_agreed::WhyAgreed;
pub use record_contacts::{
    CALL_CONSENT_VERSION, Calls, ContactKind, ContactLine, LINES, NewContactForm,
};
pub use record_steps::{AccessCodeMade, AccessCodePage, HoldForm, HoldPage, SendTextPage};
pub use record_timeline::{Event, RecordTimeline};
pub use record_why::{RecordWhy, WhyAnswer, WhyPending, WhyStored};
pub use refund_payment::{RefundForm, RefundPage, RefundStep};
pub use replies::{Replies, ReplyRow, Review};
pub use reports::{CycleLine, FunnelLine, LiftLine, Reports};
pub use rule_words::change_words;
pub use rules::{ChangeLine, REASON_LONGEST, Read, RuleLine, RulePage, Rules};
pub use select_criteria::{AGES, LAST_SENT, PreviewStatements, SEGMENTS, SelectCriteria};
pub use settings::{Section, Settings, Typed};
pub use setup::{Proof, SetupList, SetupStep, Step, StepLine, StepState};
pub use shell::{NavEntry, StaffShell};
pub use sign_in::{FirstStart, SecondFactor, SignIn, SignInRefusal};
pub use statements_sent::{SendQuestion, StatementsSent};
pub use template_editor::{ShownWords, TemplateEditor, VersionLine};
pub use templates::{ChangedTemplate, TEMPLATES, Templates};
pub use work_list::{Closing, TaskRow, Unreachable, UnreachableRow, WorkList};
