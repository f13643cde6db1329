"""Generated requests against a system's contract: a simulator by default, a sandbox by profile, production never.

schemathesis makes the requests up; what generated data cannot know is in ``mocks/<id>/requests.yaml``, and what a
healthy system would not answer (no credentials, too many calls, an outage) is asked for where it can be.
"""

from assay.runners.conformance.checking import Checked, Options, check, testable
from assay.runners.conformance.known import Known
from assay.runners.conformance.tally import share
from assay.runners.conformance.twin import CHECK as UNDOCUMENTED

__all__ = ["UNDOCUMENTED", "Checked", "Known", "Options", "check", "share", "testable"]
