"""Calls osproxy with nothing but the standard library; prints what came back as JSON."""
import hashlib
import http.client
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

URL = urllib.parse.urlsplit(os.environ["OSPROXY_URL"])
AUTHORIZATION = {"Authorization": "Bearer " + os.environ["OSPROXY_KEY"]}
V1 = "/api/v1"
V0 = "/api/storage/v0"


def ask(method, path, body=None, headers=None, chunked=False):
    connection = http.client.HTTPConnection(URL.hostname, URL.port, timeout=30)
    connection.request(method, path, body, {**AUTHORIZATION, **(headers or {})}, encode_chunked=chunked)
    response = connection.getresponse()
    answer = {"status": response.status, "body": json.loads(response.read())}
    connection.close()
    return answer


def form_of(path):
    boundary = "----------------osproxy-form"
    with open(path, "rb") as file:
        content = file.read()
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{os.path.basename(path)}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return content, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def form(path):
    _content, body, headers = form_of(path)
    return ask("POST", V1 + "/files", body, headers)


def chunks(path):
    def pieces():
        with open(path, "rb") as file:
            while piece := file.read(70_000):
                yield piece

    return ask("PUT", V1 + "/files/chunks.bin", pieces(), {"Transfer-Encoding": "chunked"}, chunked=True)


def v0(path):
    wanted = json.dumps({"filePath": ["from/python.bin"]})
    (link,) = ask("POST", V0 + "/link/upload", wanted, {"Content-Type": "application/json"})["body"]["data"]
    content, body, headers = form_of(path)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(link["url"]["single"]).query)
    values = {name: query[name][0] for name in ("uid", "date", "expire", "signature")}
    values["md5"] = hashlib.md5(content).hexdigest()
    answer = ask("PUT", V0 + "/upload?" + urllib.parse.urlencode(values), body, headers)
    return {**answer, "uid": link["uid"]}


def pieces(uid):
    digest, statuses, name = hashlib.sha256(), [], None
    position, size = 0, 1
    while position < size:
        headers = {**AUTHORIZATION, "Range": f"bytes={position}-{position + 1_199_999}"}
        request = urllib.request.Request(f"{URL.geturl()}{V1}/files/{uid}/content", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            piece = response.read()
            digest.update(piece)
            statuses.append(response.status)
            size = int(response.headers["Content-Range"].split("/")[1])
            name = response.headers.get_filename()
        position += len(piece)
    return {"sha256": digest.hexdigest(), "statuses": statuses, "name": name}


def missing(uid):
    try:
        request = urllib.request.Request(f"{URL.geturl()}{V1}/files/{uid}", headers=AUTHORIZATION)
        urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": json.loads(error.read())}


print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
