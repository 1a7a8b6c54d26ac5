"""Files of evidence come back as they went in, under a name that harms nobody."""

import base64
import hashlib
from io import BytesIO

import pytest
from support.sales import ALL_RIGHTS, OPERATOR, Desk, TestClient

from commands.caller import Caller
from domain.erasure import EraseSubject
from domain.record.commands import AttachEvidence, OpenRecord
from infra.evidence import ObjectStoreEvidence
from infra.http.app import build
from infra.settings import Settings
from read_api.evidence import disposition

CONTENT = b"%PDF-1.7 a scan \x00\xff" * 5_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served(a_tenant, tmp_path):
    """A deal with a scan, in a service that keeps files in a folder."""
    store = ObjectStoreEvidence.in_folder(tmp_path)
    store.put(SHA256, BytesIO(CONTENT))
    desk = Desk(a_tenant("files"))
    desk.do(OpenRecord("deal/dea_1"))
    desk.do(
        AttachEvidence(
            "deal/dea_1", "evi_1", "scan", SHA256, len(CONTENT), "application/pdf", "扫描 “件”.pdf"
        )
    )
    desk.do(AttachEvidence("deal/dea_1", "evi_2", "scan", "0" * 64, 1, "text/html", "x.html"))
    desk.tenant.catch_up.run()
    settings = Settings(evidence_url=f"file://{tmp_path}", database_url=None)
    app = build(desk.tenant, settings, caller=Caller(desk.tenant.name, "test", OPERATOR, rights=ALL_RIGHTS))
    with TestClient(app) as client:
        yield desk, client


def test_a_file_comes_back_as_it_went_in(served):
    """The bytes, their digest, their name in any script, and nothing a browser could run."""
    _, client = served
    response = client.get("/v1/deals/dea_1/evidence/evi_1")
    assert response.status_code == 200
    assert response.content == CONTENT
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert response.headers["content-digest"] == f"sha-256=:{digest}:"
    assert response.headers["content-type"] == "application/pdf"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "filename*=UTF-8''%E6%89%AB%E6%8F%8F" in response.headers["content-disposition"]


def test_a_file_that_is_not_there_is_a_problem(served):
    """Neither an id nobody attached, nor a file somebody lost, is an error of ours."""
    _, client = served
    for path in (
        "/v1/deals/dea_1/evidence/evi_9",
        "/v1/deals/dea_1/evidence/evi_2",
        "/v1/deals/dea_9/evidence/evi_1",
    ):
        response = client.get(path)
        assert response.status_code == 404, response.text
        assert response.headers["content-type"] == "application/problem+json"


def test_an_erased_name_is_not_told(served):
    """The file is named after its id once nobody may know what it was called."""
    desk, client = served
    desk.do(EraseSubject("deal/dea_1"))
    response = client.get("/v1/deals/dea_1/evidence/evi_1")
    assert "evi_1" in response.headers["content-disposition"]
    assert "%E6%89" not in response.headers["content-disposition"]


@pytest.mark.parametrize(
    ("name", "media_type", "spelled"),
    [
        ("a.pdf", "application/pdf", "inline; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("a.html", "text/html", "attachment; filename=\"a.html\"; filename*=UTF-8''a.html"),
        ("../../etc/passwd", "image/svg+xml", "attachment; filename=\"passwd\"; filename*=UTF-8''passwd"),
        ('..\\x\\a"b%.png', "image/png", "inline; filename=\"a_b_.png\"; filename*=UTF-8''a%22b%25.png"),
        (
            "a\r\nSet-Cookie: x",
            "text/csv",
            "attachment; filename=\"aSet-Cookie: x\"; filename*=UTF-8''aSet-Cookie%3A%20x",
        ),
        (
            "合同.pdf",
            "application/pdf",
            "inline; filename=\"__.pdf\"; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf",
        ),
        ("\r\n", "text/csv", "attachment; filename=\"evidence\"; filename*=UTF-8''evidence"),
    ],
)
def test_a_name_harms_nobody(name, media_type, spelled):
    """No path, no second header, no quotes that end too early; what a browser could run is saved, never shown."""
    assert disposition(name, media_type) == spelled
