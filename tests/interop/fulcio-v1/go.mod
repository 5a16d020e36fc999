module signhere.localhost/interop/fulcio-v1

go 1.26.0

require github.com/sigstore/fulcio v1.8.8
